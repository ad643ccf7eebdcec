/** The participant's way through a study: pages, pairs, debrief. The server knows what comes next. */

import { environment } from "./environment.js";
import { hold, measureFrame, nextFrame } from "./frames.js";
import { preloader } from "./preload.js";
import * as screen from "./screen.js";
import { Refused, connect } from "./server.js";
import { runTrial } from "./trial.js";
import { text } from "./words.js";

const SUPERSEDED = [404, 409, 410]; // voided, perhaps by another tab: the server has the next trial
const MOST_SUPERSEDED = 3; // in a row; more is no accident

const { base } = document.body.dataset;
const server = connect(base, () => screen.say(text("unreachable")));
const pairs = preloader(server.image);

/** Play every trial that is left, then go to the debriefing. */
async function participate() {
  const measured = measureFrame();
  let list = await server.resume();
  pairs.prepare(list.trials);
  measured.then(reportEnvironment);
  if (list.trials.length) await enter(list);

  let superseded = 0;
  for (let last; list.trials.length; list = await server.trials()) {
    pairs.prepare(list.trials);
    const [trial] = list.trials;
    if (trial.kind === "test" && last?.kind === "practice") await screen.turnPage("break");
    last = trial;
    try {
      await play(trial, measured);
      superseded = 0;
    } catch (error) {
      superseded += 1;
      if (!SUPERSEDED.includes(error.status) || superseded > MOST_SUPERSEDED) throw error;
    }
  }
  location.replace(`${base}/debrief`);
}

/** Show the page at which somebody who comes (back) begins, until its button is pressed. */
async function enter({ answered, planned, trials: [next] }) {
  screen.tellAnswered(answered, planned);
  if (answered === 0) await screen.turnPage("instructions");
  else if (next.kind === "test" && next.number === 1) await screen.turnPage("break");
  else await screen.turnPage("resume");
}

async function play(trial, measured) {
  screen.wait(text("loading"));
  const [images, frameMs] = await Promise.all([pairs.pair(trial), measured]);
  await screen.roomFor(images);
  const stage = screen.place(trial, images);

  let started;
  const response = await runTrial(stage, trial.timing, frameMs, () => {
    started = server.start(trial);
    started.catch(() => {}); // a refusal is met below, before the answer is sent
  });
  screen.wait(text("saving"));
  await started;
  const { feedback } = await server.respond(trial, response);
  if (!feedback) return;
  screen.showFeedback(feedback, response.answer);
  await hold(await nextFrame(), trial.timing.feedback_ms, frameMs);
}

async function reportEnvironment(frameMs) {
  try {
    await server.environment(environment(frameMs));
  } catch (error) {
    if (!(error instanceof Refused)) throw error; // refused facts are lost, the answers are not
  }
}

participate().catch((error) => {
  screen.fail(error instanceof Refused ? error.message : text("broken"));
  console.error(error);
});
