/**
 * The two character classes of Unicode that the grammar asks for, in place of uc.micro's tables.
 */

export const P = /\p{P}/u;
export const S = /\p{S}/u;
