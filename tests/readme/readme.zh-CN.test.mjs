// SPDX-License-Identifier: MIT
import { testReadme } from './run_readme.mjs';

testReadme('README.zh-CN.md');
