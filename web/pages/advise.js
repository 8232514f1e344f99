/** Advice: answers on the left, what the server makes of them on the right, at every change. */

import { Refused, getAsked, postAdvise } from '../lib/api.js';
import { setText, speaker } from '../lib/cadence.js';
import { mountCode, mountCopy } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { mountHeader } from '../lib/header.js';
import { setParameter } from '../lib/url.js';
import { drawAnswer, settingsText } from './advise/answer.js';
import { baseOf, commandLine, queryOf, stateOf } from './advise/answers.js';
import { mountEvidence } from './advise/evidence.js';
import { Form } from './advise/form.js';
import { drawMatrix } from './advise/matrix.js';
import { record } from './advise/record.js';
import { save } from './compare/save.js';

/** @typedef {import('../lib/api.js').Advice} Advice */

mountHeader();
mountCode();
const say = speaker(need('.outcome output'));
need('.curl').textContent = `curl -d '{"preset": "chat"}' ${location.origin}/api/advise`;

getAsked().then(run, (error) => {
  say(`This server did not say what it asks: ${error.message}. Reload the page to ask again.`);
  need('main').removeAttribute('data-asking');
});

/** @param {import('../lib/api.js').Asked} asked */
function run(asked) {
  let state = stateOf(new URL(location.href).searchParams, asked);
  /** @type {import('./advise/evidence.js').Report[]} */
  let evidence = [];
  /** The last that the server gave. @type {Advice | undefined} */
  let advice;
  let asking = new AbortController();

  const form = new Form(asked, (change) => {
    state = 'preset' in change
      ? { preset: change.preset, answers: baseOf(asked, change.preset) }
      : { ...state, answers: { ...state.answers, [change.key]: change.answer } };
    ask();
  });
  mountEvidence((reports) => {
    evidence = reports;
    ask();
  });
  mountCopy(need('.copy-link'), () => location.href);
  mountCopy(need('.copy-record'), () => (advice ? record(advice) : ''));
  mountCopy(need('.copy-values'), () => (advice ? settingsText(advice) : ''));
  mountCopy(need('.copy-command'), () => commandLine(state, asked));
  need('.export').addEventListener('click', () => {
    save(new Blob([JSON.stringify(advice, null, 1)], { type: 'application/json' }), 'wirelab-advise.json');
  });
  ask();

  /** Only the answers to the newest question are shown. */
  async function ask() {
    form.show(state);
    for (const [key, text] of Object.entries(queryOf(state, asked))) setParameter(key, text);
    setText(need('.command-line'), commandLine(state, asked));
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const told = await postAdvise({ needs: state.answers, evidence }, signal);
      if (signal.aborted) return;
      advice = told;
      form.refuse([]);
      show(told);
    } catch (error) {
      if (signal.aborted) return;
      form.refuse(error instanceof Refused ? error.keys : []);
      const { message } = /** @type {Error} */ (error);
      say(advice ? `${message}\nBelow is the advice for the last answers that went together.` : message);
      need('.answer').dataset.state = 'refused';
    } finally {
      need('main').removeAttribute('data-asking');
    }
  }

  /** @param {Advice} told */
  function show(told) {
    const { kind } = told.outcome;
    say(kind === 'clear' ? `Take ${told.outcome_words}.` : kind === 'close' ? `There is ${told.outcome_words}.` : `Of the transports ${told.outcome_words}.`);
    need('.answer').dataset.state = kind;
    drawMatrix(told);
    drawAnswer(told, (key, to) => {
      state = { ...state, answers: { ...state.answers, [key]: to } };
      ask();
    });
    setText(need('.raw code'), record(told));
  }
}
