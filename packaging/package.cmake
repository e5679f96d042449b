# The Debian package of `ci/package`: CPack's generator, with pages made from the program's own help and from docs/.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lastack)
set(CPACK_PACKAGE_CONTACT "The lastack authors <$ENV{DEBEMAIL}>")
if(NOT DEFINED ENV{DEBEMAIL})
    set(CPACK_PACKAGE_CONTACT "The lastack authors <lastack@localhost>") # whoever builds it for others sets DEBEMAIL
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "python3, python3-yaml")
string(CONCAT CPACK_DEBIAN_PACKAGE_RECOMMENDS
    "redis-server, redis-tools, python3-jinja2, python3-jsonschema, python3-prometheus-client, gnuplot-nox, libjs-dygraphs, "
    "minisign, openssh-client, fio, e2fsprogs, xfsprogs, btrfs-progs, s6, cron-daemon-common, python3-croniter")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "crash testing of Redis-compatible servers
lastack runs the real server under real load, breaks it at an exact moment,
recovers it, and compares what came back with a ledger of every acknowledged
write. Out come what is lost, for how long the server is away, and a command
that reproduces each finding.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/compress.cmake)

find_program(HELP2MAN help2man REQUIRED)
find_program(LOWDOWN lowdown REQUIRED) # packaging/page runs both
set(pages_dir ${CMAKE_CURRENT_BINARY_DIR}/pages)
file(MAKE_DIRECTORY ${pages_dir})

set(pages)
foreach(command run certify list replay rejudge playbook drill report swarm sweep explore shrink coverage fault ledger)
    set(page ${pages_dir}/lastack-${command}.1)
    add_custom_command(OUTPUT ${page} DEPENDS lastack
        COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/packaging/page $<TARGET_FILE:lastack> ${command} ${PROJECT_VERSION} ${page})
    list(APPEND pages ${page})
endforeach()
set(page ${pages_dir}/lastack-scenario.5)
add_custom_command(OUTPUT ${page} DEPENDS docs/scenarios.md
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/packaging/page ${PROJECT_SOURCE_DIR}/docs/scenarios.md scenario ${PROJECT_VERSION} ${page})
list(APPEND pages ${page})
set(notes ${pages_dir}/changelog.gz)
add_custom_command(OUTPUT ${notes} DEPENDS CHANGELOG.md
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/packaging/page ${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog ${PROJECT_VERSION} ${notes})
add_custom_target(pages ALL DEPENDS ${pages} ${notes})

foreach(page ${pages})
    string(REGEX MATCH "[0-9]$" section ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES packaging/copyright ${notes} CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME lastack)
include(CPack)
