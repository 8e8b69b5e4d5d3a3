// How loud a microphone is, 0 to 1, many times a second.

export function meter(track: MediaStreamTrack, heard: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    // Speech sits around -30 dB; a linear scale would hardly move.
    heard(Math.min(1, Math.sqrt(Math.sqrt(sum / samples.length)) * 1.6));
  }, 80);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
