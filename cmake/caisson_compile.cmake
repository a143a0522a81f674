# Compiler and linker settings that every target of the project shares.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Frame pointers cost about one percent and make every profile readable. Designated initializers leave out fields on purpose.
add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(CAISSON_WERROR)
  add_compile_options(-Werror)
endif()

# g++ 12 sees overlaps and overflows in std::string's own code where a literal is appended (GCC bugs 105329 and 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized)
endif()

# ccache can only reuse objects built with a precompiled header when it is told how the header was made. Clang writes the
# checkout's path into its own, so that no object would be shared between checkouts; it does without, and so proves that
# every file names what it includes.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
else()
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Set here, so that a plain `ninja` and an editor share the cache with ./dev: objects are the same in every checkout, and
  # the precompiled header is judged by its content.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

if(CAISSON_SANITIZE)
  add_compile_options(-fsanitize=${CAISSON_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CAISSON_SANITIZE})
endif()

# Coverage for libFuzzer, without its main function.
if(CAISSON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(GTest REQUIRED)
