/** Run a study on the participant's page. The server decides which trial comes next. */

import { describeEnvironment } from "./environment.js";
import { createMessageId, openOutbox } from "./network/outbox.js";
import { ImageUnavailableError, createPreloader } from "./network/preload.js";
import { RequestRefusedError, createApiClient } from "./network/server.js";
import { openStore } from "./network/store.js";
import * as pages from "./pages.js";
import { isSkipping } from "./preview.js";
import { claimSingleTab } from "./single_tab.js";
import { formatText } from "./texts.js";
import { hold, measureFrameMs, nextFrame } from "./trial/frames.js";
import { runTrial } from "./trial/trial.js";

const MAX_CONSECUTIVE_MISSES = 3; // trials in a row whose images cannot be loaded

const { baseUrl, endUrl } = document.body.dataset;
const server = createApiClient(baseUrl, () => {
  lastRequestFailed = true;
  pages.showStatus(connectionMessage());
});
const preloader = createPreloader(server.image);
const startedTokens = new Set(); // of trials run on this page, whether or not the server knows yet
let upcomingTrials = [];
let outbox;
let lastRequestFailed = false;
let consecutiveMisses = 0;
let stopError; // set once the study has stopped on this page

async function runStudy() {
  const measuring = measureFrameMs();
  outbox = await openOutbox(server.send, await openStore(baseUrl));
  await outbox.whenEmpty(); // otherwise the server would void a trial whose answer is on its way
  const progress = updateUpcoming(await server.resume());
  measuring.then(describeEnvironment).then(server.environment).catch(console.warn);
  if (upcomingTrials.length) await showWelcome(progress);

  for (let last, trial; (trial = await nextTrial(last)); last = trial) {
    const isPracticeOver = last?.kind === "practice" && trial.kind !== "practice";
    if (isPracticeOver) await pages.showPageUntilContinue("break");
    if (last?.kind === trial.kind && last.block !== trial.block) await pages.rest(trial);
    await playTrial(trial, await measuring);
  }
  await outbox.discard(); // nothing of this participant stays in the browser
  location.replace(endUrl);
}

/** Take over the server's list of upcoming trials and preload their images. */
function updateUpcoming(list) {
  lastRequestFailed = false;
  upcomingTrials = list.trials.filter(({ token }) => !startedTokens.has(token));
  preloader.preload(upcomingTrials);
  return list;
}

/**
 * Return the next trial, or undefined after the last one. Before the first trial of another kind,
 * and before an exposure that follows the answers, wait until the server has all answers.
 */
async function nextTrial(last) {
  const [ahead] = upcomingTrials;
  if (!ahead || (last && ahead.kind !== last.kind) || ahead.timing.awaits_exposure) {
    if (last) pages.showWaiting(connectionMessage() || formatText("loading"));
    await outbox.whenEmpty();
    updateUpcoming(await server.trials());
  }
  const next = upcomingTrials.shift();
  if (next) startedTokens.add(next.token); // at once: a delayed list must not bring it again
  return next;
}

/** Show the first page: the instructions, or where a returning participant left off. */
function showWelcome({ answered, planned }) {
  const [{ kind, number }] = upcomingTrials;
  pages.showAnsweredCount(answered, planned);
  if (answered === 0) return pages.showPageUntilContinue("instructions");
  const isPracticeOver = pages.hasBreak() && kind === "test" && number === 1;
  return pages.showPageUntilContinue(isPracticeOver ? "break" : "resume");
}

/** Play a trial. If it has feedback, wait for the server, which alone knows the correct answer. */
async function playTrial(trial, frameMs) {
  const images = await loadImages(trial);
  if (!images) return;
  const stage = pages.placeImages(trial, images, connectionMessage());
  const scale = await pages.waitForRoom(images);
  await sendReliably(trial, "start", {}); // before any image is seen, so that none is seen twice
  const response = await runTrial(stage, trial, frameMs);
  const body = { id: createMessageId(), scale, ...response };
  const { reply } = await sendReliably(trial, "response", body);
  reply.then(updateUpcoming).catch(stopWithError);
  if (trial.timing.feedback_ms === null) return;
  pages.showWaiting(formatText("saving"));
  const { feedback } = await reply;
  pages.showFeedback(trial, feedback, response.answer);
  const { feedback_ms: feedbackMs } = trial.timing;
  if (feedbackMs === 0) await pages.waitUntilRead();
  else await hold(await nextFrame(), feedbackMs, frameMs, isSkipping);
}

/** Return a trial's images, or undefined if one is unavailable; the server then replaces the trial. */
async function loadImages(trial) {
  pages.showWaiting(formatText("loading"));
  try {
    const images = await preloader.images(trial);
    // decode again: the browser may have dropped what it decoded some time ago
    await Promise.all(images.map((image) => image.decode()));
    consecutiveMisses = 0;
    return images;
  } catch (error) {
    if (!(error instanceof ImageUnavailableError)) throw error;
    consecutiveMisses += 1;
    if (consecutiveMisses > MAX_CONSECUTIVE_MISSES) throw error;
    const { reply } = await sendReliably(trial, "incident", error.incident);
    await reply;
    updateUpcoming(await server.trials());
    return undefined;
  }
}

/** Store a message until it has arrived. If the server refuses it, the study stops on this page. */
async function sendReliably(trial, action, body) {
  if (stopError) throw stopError;
  const message = await outbox.enqueue(`${baseUrl}/trials/${trial.token}/${action}`, body);
  message.reply.catch(stopWithError);
  return message;
}

/** Return what the participant should know about the connection, or "". */
function connectionMessage() {
  if (!lastRequestFailed) return "";
  if (!outbox?.pendingCount()) return formatText("unreachable");
  return formatText(outbox.isOnDevice ? "sending" : "sending_from_page");
}

/** Stop the study on this page, whose answers so far are safe; the participant can reload it. */
function stopWithError(error) {
  if (stopError) return;
  stopError = error;
  const wasRefused = error instanceof RequestRefusedError;
  pages.showFailure(wasRefused ? error.message : formatText("broken"));
  console.warn(error);
}

function stopForOtherTab() {
  if (stopError) return;
  stopError = new RequestRefusedError(409, formatText("elsewhere"));
  pages.showOpenElsewhere();
}

claimSingleTab(baseUrl, stopForOtherTab);
runStudy().catch(stopWithError);
