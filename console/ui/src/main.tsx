// Starts the page: the clock, the session, the stream, and the app in its place.
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style/main.css";
import { App } from "./app";
import { startClock } from "./state/clock";
import { startStream } from "./state/cluster";
import { refreshSession } from "./state/session";

const place = document.getElementById("app");
if (place) {
  startClock();
  void refreshSession();
  startStream();
  render(<App />, place);
}
