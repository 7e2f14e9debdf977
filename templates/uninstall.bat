@echo off
rem SPDX-License-Identifier: MIT
rem Removes what install.bat made. --keep-token keeps data\config.json.
rem Not by way of install.bat: "call" expands % and doubles ^ in a folder's name once more.
setlocal DisableDelayedExpansion
if not exist "%~dp0setup.mjs" goto incomplete
if not exist "%~dp0tools\node\node.exe" goto incomplete
"%~dp0tools\node\node.exe" "%~dp0setup.mjs" --uninstall %*
set "CODE=%ERRORLEVEL%"
goto finish

:incomplete
echo Files are missing beside uninstall.bat. You can delete this folder and the shortcut on the desktop.
set "CODE=1"

:finish
rem After a double click the window would close before anything could be read.
if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause
exit /b %CODE%
