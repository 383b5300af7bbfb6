/** What comes back of a request: what was asked for, or the server's code for why not. */
import type { Problem } from './types';

export class RestError extends Error {
  constructor(
    readonly code: string,
    readonly retryAfter?: number,
    /** Which part of the request was wrong, such as `/url`. */
    readonly pointer?: string,
  ) {
    super(code);
  }
}

/** The error code to tell somebody whose request has failed, whatever came in between. */
export function codeOf(problem: unknown): string {
  return problem instanceof RestError ? problem.code : 'internal';
}

export type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** Throws RestError with the server's code, or `network`. */
export async function unwrap<T>(answer: Answer<T>): Promise<T> {
  let got: Awaited<Answer<T>>;
  try {
    got = await answer;
  } catch {
    throw new RestError('network');
  }
  if (got.response.ok) return got.data as T;
  const problem = got.error as Partial<Problem> | undefined;
  throw new RestError(problem?.code ?? 'internal', problem?.retryAfter ?? undefined, problem?.pointer ?? undefined);
}
