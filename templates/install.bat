@echo off
rem SPDX-License-Identifier: MIT
rem The door on Windows: lets setup.mjs, run by the Node that came with the bundle, do everything.
rem Pure ASCII with CRLF, for cmd.exe reads this in the PC's own code page. No delayed expansion, and no
rem parenthesised blocks around paths: folder names may hold & % ! ^ ( ) and Chinese.
setlocal DisableDelayedExpansion
if not exist "%~dp0setup.mjs" goto not_extracted
if not exist "%~dp0tools\node\node.exe" goto not_extracted
rem Only when told to, Node's fetch uses HTTPS_PROXY, and Node the certificates that Windows trusts.
if not defined NODE_USE_ENV_PROXY set "NODE_USE_ENV_PROXY=1"
if not defined NODE_USE_SYSTEM_CA set "NODE_USE_SYSTEM_CA=1"
"%~dp0tools\node\node.exe" "%~dp0setup.mjs" %*
set "CODE=%ERRORLEVEL%"
goto finish

:not_extracted
echo.
echo Files are missing beside install.bat.
echo If you opened it inside the zip file: close this window, right-click the zip file,
echo choose "Extract All...", then start install.bat in the extracted folder.
echo.
set "CODE=1"

:finish
rem After a double click (no arguments) the window would close and take the error with it.
if not "%CODE%"=="0" if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause
exit /b %CODE%
