// The first file, small on purpose: the connection is asked for while the rest is still on its way.

import "./app.css";
import { knock } from "./lib/early";

const early = knock();
void import("./start").then(({ begin }) => begin(early));
