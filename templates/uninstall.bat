@echo off
rem SPDX-License-Identifier: MIT
rem Removes what install.bat made. --keep-token keeps data\config.json.
setlocal DisableDelayedExpansion
call "%~dp0install.bat" --uninstall %*
set "CODE=%ERRORLEVEL%"
rem After a double click the window would close before anything could be read.
if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause
exit /b %CODE%
