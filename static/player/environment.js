/** What a colour judgement depends on that the participant brings along. */
export function environment(frameMs) {
  return {
    refresh_hz: Math.round(10_000 / frameMs) / 10,
    device_pixel_ratio: devicePixelRatio,
    viewport: `${innerWidth}x${innerHeight}`,
    color_gamut: ["rec2020", "p3"].find((gamut) => media(`color-gamut: ${gamut}`)) ?? "srgb",
    dynamic_range: media("dynamic-range: high") ? "high" : "standard",
    inverted_colors: media("inverted-colors: inverted"),
    forced_colors: media("forced-colors: active"),
    language: navigator.language,
    webdriver: navigator.webdriver,
  };
}

const media = (feature) => matchMedia(`(${feature})`).matches;
