// The Agent Desktop: what its page does beside the fragments that htmx fetches.
import { canned, cannedStart } from "./canned";
import { composerStart } from "./composer";
import { contactStart } from "./contact";
import { emojiStart } from "./emoji";
import { listStart } from "./list";
import { mentions, mentionsStart } from "./mentions";
import { noticesStart } from "./notices";
import { pushStart } from "./push";
import { selectStart } from "./select";
import { suggestStart } from "./suggest";
import { templatesStart } from "./templates";
import { threadStart } from "./thread";
import { toldStart } from "./told";
import { typingStart } from "./typing";
import { uploadsStart } from "./uploads";

suggestStart([canned, mentions]); // before the composer: it takes Enter while its list is open
cannedStart();
mentionsStart();
composerStart();
uploadsStart();
emojiStart();
templatesStart();
threadStart();
typingStart();
selectStart(); // before the list: Escape first lets go of what is selected
listStart();
contactStart();
noticesStart();
toldStart();
pushStart();
