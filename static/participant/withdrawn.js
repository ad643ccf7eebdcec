/** Delete the unsent answers that a participant who has withdrawn may have left in this browser. */

import { discardStore } from "../player/network/store.js";

discardStore(document.body.dataset.baseUrl);
