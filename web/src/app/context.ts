import { createContext } from 'svelte';
import type { App } from './app.svelte';

/** The application, for every view below Root. */
export const [getApp, setApp] = createContext<App>();
