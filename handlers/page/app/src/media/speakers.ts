// Plays received sound. Browsers may want a click before they do.

export class Speakers {
  private elements: HTMLAudioElement[] = [];

  constructor(private readonly blocked: (isBlocked: boolean) => void) {}

  add(track: MediaStreamTrack): void {
    const element = new Audio();
    element.srcObject = new MediaStream([track]);
    this.elements.push(element);
    void this.play(element);
  }

  /** Try again, from a click. */
  unblock(): void {
    this.blocked(false);
    for (const element of this.elements) void this.play(element);
  }

  clear(): void {
    for (const element of this.elements) element.srcObject = null;
    this.elements = [];
  }

  private async play(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.blocked(true);
    }
  }
}
