@echo off
rem SPDX-License-Identifier: MIT
rem Starts the app with the Node that came with it. The installer wrote this file and writes it anew each time.
setlocal DisableDelayedExpansion
set "OPENCAT_CONFIG=%~dp0data\config.json"
if not defined NODE_USE_ENV_PROXY set "NODE_USE_ENV_PROXY=1"
if not defined NODE_USE_SYSTEM_CA set "NODE_USE_SYSTEM_CA=1"
@NODE@ @START@ %*
set "CODE=%ERRORLEVEL%"
rem Started by a double click, the window would take the error away with it.
if not "%CODE%"=="0" if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause
exit /b %CODE%
