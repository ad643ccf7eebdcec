/** Describe the participant's display and browser, as far as they affect how colors look. */
export function describeEnvironment(frameMs) {
  return {
    refresh_hz: Math.round(10_000 / frameMs) / 10,
    device_pixel_ratio: devicePixelRatio,
    viewport: `${innerWidth}x${innerHeight}`,
    color_gamut: ["rec2020", "p3"].find((gamut) => matchesMedia(`color-gamut: ${gamut}`)) ?? "srgb",
    dynamic_range: matchesMedia("dynamic-range: high") ? "high" : "standard",
    inverted_colors: matchesMedia("inverted-colors: inverted"),
    forced_colors: matchesMedia("forced-colors: active"),
    language: navigator.language,
    webdriver: navigator.webdriver,
  };
}

const matchesMedia = (feature) => matchMedia(`(${feature})`).matches;
