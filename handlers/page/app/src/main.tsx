// Puts the page on the screen.
import { render } from "preact";
import "./styles/base.css";
import "./styles/lobby.css";
import "./styles/stage.css";
import "./styles/panel.css";
import "./styles/after.css";
import { App } from "./views/App";

const root = document.getElementById("app");
if (root) render(<App />, root);
