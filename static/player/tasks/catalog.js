/** The tasks: each module listens for the answer to a trial. */

import * as bestWorst from "./best_worst.js";
import * as preference from "./preference.js";
import * as ranking from "./ranking.js";
import * as rating from "./rating.js";
import * as realOrFake from "./real_or_fake.js";

export const TASKS = {
  real_or_fake: realOrFake,
  preference,
  best_worst: bestWorst,
  ranking,
  rating,
};
