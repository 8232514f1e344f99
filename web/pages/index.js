/** The first page: the decision at a glance, and three lanes carrying one feed. */

import { getInfo } from '../lib/api.js';
import { mountCode } from '../lib/code.js';
import { need } from '../lib/dom.js';
import { mountHeader } from '../lib/header.js';
import { Timeline } from '../lib/timeline.js';
import { drawDecision } from './index/decision.js';
import { drawFacts, drawServer } from './index/facts.js';
import { TOPIC, runLanes } from './index/lanes.js';
import { mountLink } from './index/link.js';

mountHeader();
mountCode();
need('.curl').textContent = `curl -N '${location.origin}/events?topic=${TOPIC}'`;
runLanes(new Timeline(need('#timeline')));

getInfo()
  .then(
    (info) => {
      drawDecision(info.decision);
      drawFacts(info.transports);
      drawServer(info);
      mountLink(info);
    },
    (error) => {
      const words = `This server did not say what it is: ${error.message}. Reload the page to ask again.`;
      const places = ['.decision .rows td', '.facts p', '.link-says .say', '.facts-of dd'];
      for (const place of places) need(place).textContent = words;
    },
  )
  .finally(() => need('main').removeAttribute('data-asking'));
