// SPDX-License-Identifier: MIT
// The library that draws charts, which only the usage view needs.
export { default } from 'uplot';
