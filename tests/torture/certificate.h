/* A certificate for the proxy's own port. */
#ifndef TESTS_TORTURE_CERTIFICATE_H
#define TESTS_TORTURE_CERTIFICATE_H

void certificate_write(const char *cert_path, const char *key_path); /* signed by itself, PEM */

#endif
