// The Agent Desktop: what its page does beside the fragments that htmx fetches.
import { cannedStart } from "./canned";
import { composerStart } from "./composer";
import { contactStart } from "./contact";
import { emojiStart } from "./emoji";
import { listStart } from "./list";
import { noticesStart } from "./notices";
import { pushStart } from "./push";
import { templatesStart } from "./templates";
import { threadStart } from "./thread";
import { typingStart } from "./typing";
import { uploadsStart } from "./uploads";

cannedStart(); // before the composer: it takes Enter while its list is open
composerStart();
uploadsStart();
emojiStart();
templatesStart();
threadStart();
typingStart();
listStart();
contactStart();
noticesStart();
pushStart();
