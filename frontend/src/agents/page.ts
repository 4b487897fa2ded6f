// The agent editor: saves the draft, tells who else is there, puts variables in, and shows what providers have to offer.
import { completeStart } from "./complete";
import { consentStart } from "./consent";
import { offersStart } from "./offers";
import { othersStart } from "./others";
import { promptStart } from "./prompt";
import { savingStart } from "./saving";

const form = document.querySelector<HTMLFormElement>("#agent-form");
if (form) {
  promptStart(form);
  completeStart(form);
  savingStart(form);
  othersStart(form);
  offersStart(form);
  consentStart(form);
}
