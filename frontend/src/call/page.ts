// The public call page.
import Alpine from "@alpinejs/csp";
import { callPage } from "./component";

Alpine.data("callPage", () => callPage());
Alpine.start();
