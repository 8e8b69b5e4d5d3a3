// Puts the page on the screen.

import { render } from "preact";
import { App } from "./views/App";
import "./style.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
