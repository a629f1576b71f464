# What `cmake --install` puts where: the program, its man page, the unit for systemd, and what one reads and begins with.
include(GNUInstallDirs)
install(TARGETS hookshift)
install(FILES deploy/hookshift.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES deploy/README.md deploy/catalogues.md deploy/runbook.md deploy/settings.md deploy/settings.example.json
    deploy/flags.example.json DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY deploy/catalogues deploy/prometheus deploy/grafana DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The unit names the program by its path.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/systemd/hookshift.service)
file(READ deploy/systemd/hookshift.service unit)
string(REPLACE "/usr/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" unit "${unit}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/hookshift.service CONTENT "${unit}" @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/hookshift.service DESTINATION lib/systemd/system)
