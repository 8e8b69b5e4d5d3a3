// State that views follow.
import { useEffect, useState } from "preact/hooks";

export class Store<T extends object> {
  private readonly followers = new Set<() => void>();

  constructor(private value: T) {}

  get state(): Readonly<T> {
    return this.value;
  }

  set(change: Partial<T>): void {
    this.value = { ...this.value, ...change };
    for (const follower of [...this.followers]) follower();
  }

  /** Be called after every change, until the returned function is. */
  follow(follower: () => void): () => void {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }
}

/** The store's state; the component is drawn again when it changes. */
export function useStore<T extends object>(store: Store<T>): Readonly<T> {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    const look = () => setState(store.state);
    look();
    return store.follow(look);
  }, [store]);
  return state;
}
