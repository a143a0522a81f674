# caisson_module() declares a module: one folder of src/, one static library, one test program.
#
#   caisson_module(NAME lifecycle/tracking
#     SOURCES store.cc search.cc          # relative to the module's folder
#     TESTS store_test.cc                 # GoogleTest files; together they make <target>_test
#     RESOURCES migrations/0001_runs.sql  # files embedded as string constants, see below
#     DEPS base platform/sql              # other modules; compared with the includes by tools/check_layers.py
#     LIBRARIES SQLite::SQLite3           # foreign libraries, private to the module
#     TEST_DEPS platform/http)            # modules that only the tests use
#
# The target of lifecycle/tracking is lifecycle_tracking, its test program lifecycle_tracking_test.
# A resource migrations/0001_runs.sql becomes caisson::tracking::resources::kMigrations0001RunsSql in the generated
# header "lifecycle/tracking/resources.h".

function(caisson_target_of module out)
  string(REPLACE "/" "_" target ${module})
  set(${out} ${target} PARENT_SCOPE)
endfunction()

function(caisson_link target visibility)
  foreach(module IN LISTS ARGN)
    caisson_target_of(${module} dependency)
    target_link_libraries(${target} ${visibility} ${dependency})
  endforeach()
endfunction()

function(caisson_embed module)
  set(folder ${CMAKE_SOURCE_DIR}/src/${module})
  get_filename_component(namespace ${module} NAME)
  set(text "#pragma once\n\n#include <string_view>\n\nnamespace caisson::${namespace}::resources {\n\n")
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${file})
    string(REGEX REPLACE "[^A-Za-z0-9]" ";" words ${file})
    set(constant k)
    foreach(word IN LISTS words)
      string(SUBSTRING ${word} 0 1 first)
      string(SUBSTRING ${word} 1 -1 rest)
      string(TOUPPER ${first} first)
      string(APPEND constant ${first}${rest})
    endforeach()
    # Read as hex, since CMake's own strings would lose brackets and semicolons.
    file(READ ${folder}/${file} bytes HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
    string(REPLACE "\n" "\"\n    \"" bytes "${bytes}")
    file(SIZE ${folder}/${file} size)
    string(APPEND text "inline constexpr std::string_view ${constant}(\n    \"${bytes}\",\n    ${size});\n\n")
  endforeach()
  string(APPEND text "}  // namespace caisson::${namespace}::resources\n")
  set(header ${CMAKE_BINARY_DIR}/generated/${module}/resources.h)
  set(previous "")
  if(EXISTS ${header})
    file(READ ${header} previous)
  endif()
  if(NOT previous STREQUAL text)
    file(WRITE ${header} "${text}")
  endif()
endfunction()

# The precompiled header has a target of its own: g++ refuses one that was made with a macro that its user lacks, so it
# must not see the macros of any module's private libraries.
add_library(caisson_precompiled STATIC ${CMAKE_SOURCE_DIR}/cmake/precompiled.cc)
target_link_libraries(caisson_precompiled PRIVATE absl::status absl::statusor fmt::fmt)
# Found through the include path rather than named absolutely, so that ccache can make the path relative: otherwise a header
# that another checkout made would bring that checkout's path along as a dependency.
target_include_directories(caisson_precompiled PRIVATE ${CMAKE_SOURCE_DIR})
target_precompile_headers(caisson_precompiled PRIVATE "\"cmake/precompiled.h\"")

function(caisson_module)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;TESTS;RESOURCES;DEPS;LIBRARIES;TEST_DEPS;TEST_LIBRARIES" ${ARGN})
  caisson_target_of(${ARG_NAME} target)
  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
  caisson_link(${target} PUBLIC ${ARG_DEPS})
  if(ARG_LIBRARIES)
    target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES})
  endif()
  if(ARG_RESOURCES)
    caisson_embed(${ARG_NAME} ${ARG_RESOURCES})
  endif()
  target_precompile_headers(${target} REUSE_FROM caisson_precompiled)
  if(ARG_TESTS)
    add_executable(${target}_test ${ARG_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} ${ARG_TEST_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
    caisson_link(${target}_test PRIVATE ${ARG_TEST_DEPS})
    target_precompile_headers(${target}_test REUSE_FROM caisson_precompiled)
    add_test(NAME ${target}_test COMMAND ${target}_test)
    # Every build folder, those of clang and of the sanitizers too, finds the engines that ./dev setup put into one place.
    set_tests_properties(${target}_test PROPERTIES ENVIRONMENT "CAISSON_ENGINES_DIR=${CAISSON_ENGINES_DIR}")
  endif()
endfunction()

# Adds the modules that exist; the list in the root file is the order of the floors.
function(caisson_add_modules)
  foreach(module IN LISTS ARGN)
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${module}/CMakeLists.txt)
      add_subdirectory(${CMAKE_SOURCE_DIR}/src/${module} ${CMAKE_BINARY_DIR}/modules/${module})
    endif()
  endforeach()
endfunction()
