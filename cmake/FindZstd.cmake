# SPDX-License-Identifier: MIT
# Finds zstd, whose CMake files differ between releases and are missing from older packages: defines zstd::libzstd,
# Zstd_FOUND, Zstd_VERSION.
find_path(Zstd_INCLUDE_DIR zstd.h)
find_library(Zstd_LIBRARY zstd)
mark_as_advanced(Zstd_INCLUDE_DIR Zstd_LIBRARY)

if(Zstd_INCLUDE_DIR)
    file(STRINGS "${Zstd_INCLUDE_DIR}/zstd.h" zstd_lines REGEX "#define ZSTD_VERSION_(MAJOR|MINOR|RELEASE) ")
    list(TRANSFORM zstd_lines REPLACE "^.*ZSTD_VERSION_[A-Z]+ +([0-9]+).*$" "\\1")
    list(JOIN zstd_lines "." Zstd_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
    Zstd
    REQUIRED_VARS Zstd_LIBRARY Zstd_INCLUDE_DIR
    VERSION_VAR Zstd_VERSION)

if(Zstd_FOUND AND NOT TARGET zstd::libzstd)
    add_library(zstd::libzstd UNKNOWN IMPORTED)
    set_target_properties(
        zstd::libzstd PROPERTIES IMPORTED_LOCATION "${Zstd_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${Zstd_INCLUDE_DIR}")
endif()
