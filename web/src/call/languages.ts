/** The languages that letters and text messages are written in. */
export const LANGUAGES = ['en', 'de'] as const;
