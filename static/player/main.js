/** The participant's way. The server knows what comes next. */

import { environment } from "./environment.js";
import { hold, measureFrame, nextFrame } from "./trial/frames.js";
import { makeId, openOutbox } from "./network/outbox.js";
import { Missing, preloader } from "./network/preload.js";
import * as screen from "./pages.js";
import { Refused, connect } from "./network/server.js";
import { openStore } from "./network/store.js";
import { takeOver } from "./single_tab.js";
import { runTrial } from "./trial/trial.js";
import { text } from "./texts.js";

const MOST_MISSED = 3; // trials in a row without images

const { base, end } = document.body.dataset;
const server = connect(base, () => {
  troubled = true;
  screen.tell(news());
});
const preloaded = preloader(server.image);
const begun = new Set(); // tokens of trials played here, whatever the server knows
let upcoming = [];
let outbox;
let troubled = false; // the last request failed
let missed = 0;
let stopped; // the reason, once it is over

async function participate() {
  const measured = measureFrame();
  outbox = await openOutbox(server.send, await openStore());
  await outbox.drained(); // first, lest the server void what is only on its way
  const progress = learn(await server.resume());
  measured.then(environment).then(server.environment).catch(console.warn);
  if (upcoming.length) await welcome(progress);

  for (let last, trial; (trial = await nextTrial(last)); last = trial) {
    if (last?.kind === "practice" && trial.kind !== "practice") await screen.turnPage("break");
    await play(trial, await measured);
  }
  location.replace(end);
}

/** Take the server's word on what comes next. */
function learn(list) {
  troubled = false;
  upcoming = list.trials.filter(({ token }) => !begun.has(token));
  preloaded.prepare(upcoming);
  return list;
}

/** The next trial. Before a new kind the server has all answers: it may decide by them. */
async function nextTrial(last) {
  if (!upcoming.length || (last && upcoming[0].kind !== last.kind)) {
    if (last) screen.wait(news() || text("loading"));
    await outbox.drained();
    learn(await server.trials());
  }
  const next = upcoming.shift();
  if (next) begun.add(next.token); // now: a late list must not bring it again
  return next;
}

/** The page at which somebody who comes (back) begins. */
function welcome({ answered, planned }) {
  const [{ kind, number }] = upcoming;
  screen.tellAnswered(answered, planned);
  if (answered === 0) return screen.turnPage("instructions");
  return screen.turnPage(kind === "test" && number === 1 ? "break" : "resume");
}

/** Practice waits for the server, which alone knows what was right. */
async function play(trial, frameMs) {
  const images = await load(trial);
  if (!images) return;
  await screen.roomFor(images);
  const stage = screen.place(trial, images, news());
  await send(trial, "start", {}); // seen but not told, it would come again
  const response = await runTrial(stage, trial, frameMs);
  const { reply } = await send(trial, "response", { id: makeId(), ...response });
  reply.then(learn).catch(stop);
  if (trial.kind !== "practice") return;
  screen.wait(text("saving"));
  const { feedback } = await reply;
  screen.showFeedback(trial, feedback, response.answer);
  await hold(await nextFrame(), trial.timing.feedback_ms, frameMs);
}

/** A trial's images; none where one is not to be had: the server gives another trial. */
async function load(trial) {
  screen.wait(text("loading"));
  try {
    const images = await preloaded.images(trial);
    await Promise.all(images.map((image) => image.decode())); // again: it may be long ago
    missed = 0;
    return images;
  } catch (error) {
    if (!(error instanceof Missing) || (missed += 1) > MOST_MISSED) throw error;
    const { reply } = await send(trial, "incident", error.incident);
    await reply;
    learn(await server.trials());
    return undefined;
  }
}

/** Keep a message until it has arrived; its refusal ends the play here. */
async function send(trial, what, body) {
  if (stopped) throw stopped;
  const kept = await outbox.keep(`${base}/trials/${trial.token}/${what}`, body);
  kept.reply.catch(stop);
  return kept;
}

/** What is to be said of the connection, if anything. */
function news() {
  return troubled ? text(outbox?.waiting() ? "sending" : "unreachable") : "";
}

function stop(error) {
  if (stopped) return;
  stopped = error;
  screen.fail(error instanceof Refused ? error.message : text("broken"));
  console.warn(error);
}

takeOver(base, () => stop(new Refused(409, text("elsewhere"))));
participate().catch(stop);
