// Which view is on: the start, or a visit to the room that the address names.
import { useEffect, useState } from "preact/hooks";
import { readLink } from "../link";
import { Home } from "./Home";
import { Visit } from "./Visit";

export function App() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = () => setHash(location.hash);
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, []);
  const link = readLink(hash);
  return link ? <Visit key={hash} link={link} /> : <Home />;
}
