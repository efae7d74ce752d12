# SPDX-License-Identifier: MIT
# lamina_add_architecture(NAME name CONFIG file): the config.json of any GPT-2-class folder becomes a type. Writes NAME.hpp,
# which describes the model as `struct NAME`, and makes NAME a library to link for it:
#
#     lamina_add_architecture(NAME my_model CONFIG my_model/config.json)
#     target_link_libraries(mine PRIVATE lamina::lamina my_model)
#
#     #include <lamina/lamina.hpp>
#     #include <my_model.hpp>
#     using Model = lamina::Gpt2Of<my_model, lamina::norm::Removable, lamina::adapter::FullRank>;
#
# Fields mean what they mean to transformers, missing ones, too (docs/gpt2.md, "config.json"). Whether the head has a bias is
# not in a config.json of transformers: "lm_head_bias" in the file's object "lamina" says it, or a tensor lm_head.bias in the
# model.safetensors beside the file.
#
# As a script, cmake -DNAME=… -DCONFIG=… -DHEADER=… -P LaminaArchitecture.cmake writes the header alone.

# A mistake in the file, in one line.
function(lamina_architecture_fail file what)
    message(FATAL_ERROR "lamina_add_architecture: ${file}: ${what}")
endfunction()

# lamina_config_value(variable type field alias default): a field of ${config}, which must be of the JSON type, null or missing.
function(lamina_config_value variable type field alias default)
    foreach(name IN ITEMS "${field}" ${alias})
        string(JSON found ERROR_VARIABLE missing TYPE "${config}" "${name}")
        if(missing OR found STREQUAL "NULL")
            continue()
        endif()
        string(JSON value GET "${config}" "${name}")
        if(NOT found STREQUAL type)
            string(TOLOWER "${type}" type)
            lamina_architecture_fail("${file}" "field \"${name}\" is ${value}, expected a ${type}")
        endif()
        set(${variable} "${value}" PARENT_SCOPE)
        return()
    endforeach()
    set(${variable} "${default}" PARENT_SCOPE)
endfunction()

# lamina_config_count(variable field alias default): one that is a whole number from 1 to 2^31.
function(lamina_config_count variable field alias default)
    lamina_config_value(value NUMBER "${field}" "${alias}" "${default}")
    if(NOT value MATCHES "^[1-9][0-9]*$" OR value GREATER 2147483648)
        lamina_architecture_fail("${file}" "field \"${field}\" is ${value}, expected a whole number of 1 or more")
    endif()
    set(${variable} "${value}" PARENT_SCOPE)
endfunction()

# lamina_decimal(variable number): a positive decimal number to six digits, as "Digits, Exponent" of norm_epsilon::Decimal.
# Files that were written by way of float hold the nearest float of the number that was meant.
function(lamina_decimal variable number)
    if(NOT number MATCHES "^([0-9]+)(\\.([0-9]*))?([eE]([+-]?)([0-9]+))?$")
        set(${variable} "" PARENT_SCOPE)
        return()
    endif()
    set(fraction "${CMAKE_MATCH_3}")
    set(digits "${CMAKE_MATCH_1}${fraction}")
    set(exponent 0)
    if(CMAKE_MATCH_6)
        math(EXPR exponent "0${CMAKE_MATCH_5}${CMAKE_MATCH_6}")
    endif()
    string(LENGTH "${fraction}" places)
    math(EXPR exponent "${exponent} - ${places}")
    string(REGEX REPLACE "^0+" "" digits "${digits}")
    string(LENGTH "${digits}" length)
    if(length GREATER 6)
        string(SUBSTRING "${digits}" 0 7 digits)
        math(EXPR digits "(${digits} + 5) / 10")
        math(EXPR exponent "${exponent} + ${length} - 6")
    endif()
    while(digits MATCHES "^(.+)0$")
        set(digits "${CMAKE_MATCH_1}")
        math(EXPR exponent "${exponent} + 1")
    endwhile()
    if(digits STREQUAL "" OR digits EQUAL 0 OR exponent LESS -22 OR exponent GREATER 22)
        set(${variable} "" PARENT_SCOPE)
        return()
    endif()
    set(${variable} "${digits}, ${exponent}" PARENT_SCOPE)
endfunction()

# lamina_tensors_beside(variable file): the JSON that names the tensors beside a config.json, "" where there is none: the
# header of model.safetensors, which has their shapes, or the index of its shards.
function(lamina_tensors_beside variable file)
    cmake_path(GET file PARENT_PATH folder)
    set(names "")
    if(EXISTS "${folder}/model.safetensors.index.json")
        file(READ "${folder}/model.safetensors.index.json" names)
    elseif(EXISTS "${folder}/model.safetensors")
        file(READ "${folder}/model.safetensors" size LIMIT 8 HEX)
        if(size MATCHES "^(..)(..)(..)(..)00000000$") # the header's length, little-endian; no header is longer
            math(EXPR size "0x${CMAKE_MATCH_4}${CMAKE_MATCH_3}${CMAKE_MATCH_2}${CMAKE_MATCH_1}")
            if(size LESS 100000000)
                file(READ "${folder}/model.safetensors" names OFFSET 8 LIMIT ${size})
            endif()
        endif()
    endif()
    set(${variable} "${names}" PARENT_SCOPE)
endfunction()

# lamina_check_size(field value tensor dimension): against the shape of a tensor in ${tensors}. A program would find out, too,
# but only once it is built.
function(lamina_check_size field value tensor dimension)
    foreach(name IN ITEMS "${tensor}" "transformer.${tensor}")
        string(JSON stored ERROR_VARIABLE missing GET "${tensors}" "${name}" shape ${dimension})
        if(NOT missing AND NOT stored EQUAL value)
            lamina_architecture_fail("${file}" "field \"${field}\" is ${value}, but \"${name}\" of the model.safetensors beside it has ${stored} there; expected the config.json of these tensors")
        endif()
    endforeach()
endfunction()

# lamina_describe_architecture(name file): sets ${description}, the text of a header that describes the model of a
# config.json as `struct name`.
function(lamina_describe_architecture name file)
    if(NOT name MATCHES "^[A-Za-z][A-Za-z0-9_]*$")
        message(FATAL_ERROR "lamina_add_architecture: NAME is \"${name}\", expected a name as C++ has them")
    endif()
    if(NOT EXISTS "${file}" OR IS_DIRECTORY "${file}")
        lamina_architecture_fail("${file}" "does not exist; expected the config.json of a GPT-2-class model")
    endif()
    file(READ "${file}" config)
    string(JSON kind ERROR_VARIABLE problem TYPE "${config}")
    if(problem OR NOT kind STREQUAL "OBJECT")
        lamina_architecture_fail("${file}" "is no JSON object; expected the config.json of a GPT-2-class model")
    endif()

    lamina_config_value(model_type STRING model_type "" gpt2)
    if(NOT model_type MATCHES "^(lamina-)?gpt2$")
        lamina_architecture_fail("${file}" "field \"model_type\" is \"${model_type}\", expected \"gpt2\"")
    endif()
    lamina_config_value(cross BOOLEAN add_cross_attention "" OFF)
    if(cross)
        lamina_architecture_fail("${file}" "field \"add_cross_attention\" is true, expected false")
    endif()

    lamina_config_count(layers n_layer num_hidden_layers 12)
    lamina_config_count(heads n_head num_attention_heads 12)
    lamina_config_count(embed n_embd hidden_size 768)
    lamina_config_count(context n_positions max_position_embeddings 1024)
    lamina_config_count(vocab vocab_size "" 50257)
    math(EXPR usual_inner "4 * ${embed}")
    lamina_config_count(inner n_inner "" ${usual_inner})
    math(EXPR rest "${embed} % ${heads}")
    if(NOT rest EQUAL 0)
        lamina_architecture_fail("${file}" "field \"n_embd\" is ${embed}, expected a multiple of \"n_head\", which is ${heads}")
    endif()

    lamina_tensors_beside(tensors "${file}")
    lamina_check_size(vocab_size ${vocab} wte.weight 0)
    lamina_check_size(n_embd ${embed} wte.weight 1)
    lamina_check_size(n_positions ${context} wpe.weight 0)
    lamina_check_size(n_inner ${inner} h.0.mlp.c_fc.weight 1)
    math(EXPR last "${layers} - 1")
    if(tensors MATCHES "\"(transformer\\.)?h\\.0\\." AND
       (NOT tensors MATCHES "\"(transformer\\.)?h\\.${last}\\." OR tensors MATCHES "\"(transformer\\.)?h\\.${layers}\\."))
        lamina_architecture_fail("${file}" "field \"n_layer\" is ${layers}, but the tensors beside it are of another number of blocks; expected the config.json of these tensors")
    endif()

    set(sizes ".layers = ${layers}, .heads = ${heads}, .embed = ${embed}, .context = ${context}, .vocab = ${vocab}")
    if(NOT inner EQUAL usual_inner)
        string(APPEND sizes ", .inner = ${inner}")
    endif()
    set(policies "")

    # Each has the names that transformers has for it (arch/gpt2_variant.hpp).
    lamina_config_value(activation STRING activation_function "" gelu_new)
    if(activation MATCHES "^(gelu|gelu_python)$")
        list(APPEND policies "lamina::activation::Gelu")
    elseif(activation STREQUAL "relu")
        list(APPEND policies "lamina::activation::Relu")
    elseif(activation MATCHES "^(silu|swish)$")
        list(APPEND policies "lamina::activation::Silu")
    elseif(activation STREQUAL "tanh")
        list(APPEND policies "lamina::activation::Tanh")
    elseif(NOT activation MATCHES "^gelu_(new|pytorch_tanh|fast|accurate)$")
        lamina_architecture_fail(
            "${file}" "field \"activation_function\" is \"${activation}\", expected gelu_new, gelu, gelu_pytorch_tanh, relu, silu or tanh")
    endif()

    lamina_config_value(by_root BOOLEAN scale_attn_weights "" ON)
    lamina_config_value(by_layer BOOLEAN scale_attn_by_inverse_layer_idx "" OFF)
    if(by_layer AND by_root)
        list(APPEND policies "lamina::attention_scale::InverseRootAndLayer")
    elseif(by_layer)
        list(APPEND policies "lamina::attention_scale::InverseLayer")
    elseif(NOT by_root)
        list(APPEND policies "lamina::attention_scale::One")
    endif()

    # As it is written: JSON numbers that CMake hands over have seventeen digits.
    if(config MATCHES "\"layer_norm_epsilon\"[ \t\r\n]*:[ \t\r\n]*([^ \t\r\n,}]+)" AND NOT CMAKE_MATCH_1 STREQUAL "null")
        set(number "${CMAKE_MATCH_1}")
        lamina_decimal(epsilon "${number}")
        if(NOT epsilon)
            lamina_architecture_fail("${file}" "field \"layer_norm_epsilon\" is ${number}, expected a positive number such as 1e-05")
        endif()
        # 1e12 stands beside gains that were scaled for it (docs/files.md); the model's own is another.
        if(NOT epsilon STREQUAL "1, -5" AND NOT epsilon STREQUAL "1, 12")
            list(APPEND policies "lamina::norm_epsilon::Decimal<${epsilon}>")
        endif()
    endif()

    # A folded model has a head of its own, whatever the pretrained one had.
    string(JSON norms ERROR_VARIABLE unsaid GET "${config}" lamina norms)
    if(unsaid OR NOT norms STREQUAL "absent")
        lamina_config_value(tied BOOLEAN tie_word_embeddings "" ON)
        string(JSON bias ERROR_VARIABLE unsaid GET "${config}" lamina lm_head_bias)
        if(unsaid)
            set(bias OFF)
            if(tensors MATCHES "\"lm_head\\.bias\"")
                set(bias ON)
            endif()
        endif()
        if(tied AND bias)
            lamina_architecture_fail("${file}" "field \"tie_word_embeddings\" is true, or missing, beside a tensor \"lm_head.bias\", expected false")
        endif()
        if(bias)
            list(APPEND policies "lamina::head::UntiedWithBias")
        elseif(NOT tied)
            list(APPEND policies "lamina::head::Untied")
        endif()
    endif()

    list(JOIN policies ",\n                                       " policies)
    set(description
        "// Written by lamina_add_architecture from the config.json of a model; changes would be lost.
#pragma once

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/arch/trainable.hpp>

struct ${name} {
    static constexpr const char* name = \"${name}\";
    static constexpr lamina::Architecture architecture{
        ${sizes}};
    using Variant = lamina::PolicyList<${policies}>;
};
"
        PARENT_SCOPE)
endfunction()

function(lamina_add_architecture)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CONFIG" "")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_CONFIG)
        message(FATAL_ERROR "lamina_add_architecture: expected NAME name CONFIG file, and nothing else")
    endif()
    cmake_path(ABSOLUTE_PATH arg_CONFIG NORMALIZE OUTPUT_VARIABLE file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    lamina_describe_architecture("${arg_NAME}" "${file}")
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/lamina_architectures/${arg_NAME}")
    file(CONFIGURE OUTPUT "${folder}/${arg_NAME}.hpp" CONTENT "${description}" @ONLY)
    add_library(${arg_NAME} INTERFACE)
    target_include_directories(${arg_NAME} INTERFACE "${folder}")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
    cmake_path(ABSOLUTE_PATH CONFIG NORMALIZE)
    lamina_describe_architecture("${NAME}" "${CONFIG}")
    file(WRITE "${HEADER}" "${description}")
endif()
