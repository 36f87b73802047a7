# rf_proto(NAME FILE.proto [ROOT folder, else proto/] [LINK other rf_proto libraries])
# Static library proto_<name> from one .proto: protoc-c messages, and the method table and schema
# (FileDescriptorSet) that rf_rpc_gen makes of protoc's descriptor set. Generated headers are found
# as <reflection/x/v1/x.pb-c.h> and <reflection/x/v1/x.rpc.h>.
function(rf_proto name file)
    cmake_parse_arguments(A "" "ROOT" "LINK" ${ARGN})
    rf_pkg(PROTOBUF_C libprotobuf-c)
    set(root ${CMAKE_SOURCE_DIR}/proto)
    if(A_ROOT)
        set(root ${A_ROOT})
    endif()
    set(out ${CMAKE_BINARY_DIR}/proto)
    string(REGEX REPLACE "\\.proto$" "" stem "${file}")
    get_filename_component(dir ${out}/${stem} DIRECTORY)
    file(MAKE_DIRECTORY ${dir})
    add_custom_command(
        OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h ${out}/${stem}.rpc.c ${out}/${stem}.rpc.h
        COMMAND protoc-c --c_out=${out} -I ${root} ${root}/${file}
        COMMAND protoc --include_imports --descriptor_set_out=${out}/${stem}.desc -I ${root} ${root}/${file}
        COMMAND rf_rpc_gen ${out}/${stem}.desc ${file} ${out}/${stem}
        DEPENDS ${root}/${file} rf_rpc_gen
        VERBATIM)
    add_library(proto_${name} STATIC ${out}/${stem}.pb-c.c ${out}/${stem}.rpc.c)
    target_include_directories(proto_${name} SYSTEM PUBLIC ${out})
    target_link_libraries(proto_${name} PUBLIC rf_rpc_table PkgConfig::PROTOBUF_C ${A_LINK})
endfunction()
