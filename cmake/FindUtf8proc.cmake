# SPDX-License-Identifier: MIT
# Finds utf8proc, whose packages bring no CMake configuration: defines utf8proc::utf8proc, Utf8proc_FOUND, Utf8proc_VERSION.
find_path(Utf8proc_INCLUDE_DIR utf8proc.h)
find_library(Utf8proc_LIBRARY utf8proc)
mark_as_advanced(Utf8proc_INCLUDE_DIR Utf8proc_LIBRARY)

if(Utf8proc_INCLUDE_DIR)
    file(STRINGS "${Utf8proc_INCLUDE_DIR}/utf8proc.h" utf8proc_lines REGEX "#define UTF8PROC_VERSION_(MAJOR|MINOR|PATCH)")
    list(TRANSFORM utf8proc_lines REPLACE "^.*UTF8PROC_VERSION_[A-Z]+ +([0-9]+).*$" "\\1")
    list(JOIN utf8proc_lines "." Utf8proc_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
    Utf8proc
    REQUIRED_VARS Utf8proc_LIBRARY Utf8proc_INCLUDE_DIR
    VERSION_VAR Utf8proc_VERSION)

if(Utf8proc_FOUND AND NOT TARGET utf8proc::utf8proc)
    add_library(utf8proc::utf8proc UNKNOWN IMPORTED)
    set_target_properties(
        utf8proc::utf8proc PROPERTIES IMPORTED_LOCATION "${Utf8proc_LIBRARY}"
                                      INTERFACE_INCLUDE_DIRECTORIES "${Utf8proc_INCLUDE_DIR}")
endif()
