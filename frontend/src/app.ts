import "htmx.org/dist/htmx.esm.js";
import { actionsStart } from "./actions";
import { chartsStart } from "./chart";
import { keysStart } from "./keys";
import { liveStart } from "./live";
import { overlaysStart, tabsRestore } from "./overlays";
import { paletteStart } from "./palette";
import { timesStart } from "./times";
import { toastsStart } from "./toast";

timesStart();
overlaysStart();
tabsRestore(document);
actionsStart();
paletteStart();
keysStart();
toastsStart();
chartsStart();
liveStart();
