# SPDX-License-Identifier: MIT
# Finds oneDNN: defines DNNL::dnnl, OneDnn_FOUND, OneDnn_VERSION. Its own configuration file, as distributions ship it,
# ends the configuration of every project on a machine without the OpenCL headers, which the CPU engine does not use.
find_path(OneDnn_INCLUDE_DIR oneapi/dnnl/dnnl.h)
find_library(OneDnn_LIBRARY dnnl)
mark_as_advanced(OneDnn_INCLUDE_DIR OneDnn_LIBRARY)

if(OneDnn_INCLUDE_DIR)
    file(STRINGS "${OneDnn_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" onednn_lines
         REGEX "#define DNNL_VERSION_(MAJOR|MINOR|PATCH)")
    list(TRANSFORM onednn_lines REPLACE "^.*DNNL_VERSION_[A-Z]+ +([0-9]+).*$" "\\1")
    list(JOIN onednn_lines "." OneDnn_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
    OneDnn
    REQUIRED_VARS OneDnn_LIBRARY OneDnn_INCLUDE_DIR
    VERSION_VAR OneDnn_VERSION)

if(OneDnn_FOUND AND NOT TARGET DNNL::dnnl)
    add_library(DNNL::dnnl UNKNOWN IMPORTED)
    set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION "${OneDnn_LIBRARY}"
                                                INTERFACE_INCLUDE_DIRECTORIES "${OneDnn_INCLUDE_DIR}")
endif()
