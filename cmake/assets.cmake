# SPDX-License-Identifier: MIT
# Embeds plain files (templates, migrations, the built pages) in the executable through the assembler's .incbin:
# no byte passes through a C++ string, and a changed file rebuilds one object.
#
# Assets are found again by name with opencat/assets.hpp: "templates/install.sh", "migrations/sqlite/001_tokens_and_usage.sql", …

set(OPENCAT_WEB_DIR "${CMAKE_BINARY_DIR}/web" CACHE PATH "The pages, as web/build.mjs leaves them")

set(OPENCAT_LOCALE "" CACHE FILEPATH "LC_CTYPE of C.UTF-8, for a static build: commands/utf8_locale")

function(opencat_embed_assets target)
  set(names "")
  set(files "")
  macro(collect prefix folder)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
    list(FILTER found EXCLUDE REGEX "(^|/)(node_modules|\\.DS_Store)(/|$)")
    foreach(name IN LISTS found)
      list(APPEND names "${prefix}/${name}")
      list(APPEND files "${folder}/${name}")
    endforeach()
  endmacro()
  collect(templates ${CMAKE_SOURCE_DIR}/templates)
  collect(migrations ${CMAKE_SOURCE_DIR}/server/store/migrations)
  collect(server ${CMAKE_SOURCE_DIR}/server/assets)
  collect(data ${CMAKE_SOURCE_DIR}/bundle/data)
  collect(web ${OPENCAT_WEB_DIR})
  if(OPENCAT_LOCALE)
    list(APPEND names "locale/LC_CTYPE")
    list(APPEND files "${OPENCAT_LOCALE}")
  endif()

  # Windows' object files name their sections otherwise, and have no note about stacks.
  set(section .rodata)
  if(WIN32)
    set(section ".rdata,\"dr\"")
  endif()
  set(assembly "    .section ${section}\n")
  set(declarations "")
  set(rows "")
  list(LENGTH names count)
  if(count GREATER 0)
    math(EXPR last "${count} - 1")
    foreach(i RANGE ${last})
      list(GET names ${i} name)
      list(GET files ${i} file)
      string(APPEND assembly "    .global opencat_asset_${i}\n    .global opencat_asset_${i}_end\n"
        "opencat_asset_${i}:\n    .incbin \"${file}\"\nopencat_asset_${i}_end:\n    .byte 0\n")
      string(APPEND declarations "extern const char opencat_asset_${i}[];\nextern const char opencat_asset_${i}_end[];\n")
      string(APPEND rows "    {\"${name}\", opencat_asset_${i}, opencat_asset_${i}_end},\n")
    endforeach()
  endif()
  if(NOT WIN32)
    string(APPEND assembly "    .section .note.GNU-stack,\"\",%progbits\n")
  endif()

  set(folder ${CMAKE_BINARY_DIR}/assets)
  file(CONFIGURE OUTPUT ${folder}/assets.S CONTENT "${assembly}" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/asset_table.inc CONTENT "${rows}" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/asset_symbols.inc CONTENT "${declarations}" @ONLY)
  set_source_files_properties(${folder}/assets.S PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${folder}/assets.S)
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
