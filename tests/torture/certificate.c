#include "tests/torture/certificate.h"

#include "tests/model/must.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

void certificate_write(const char *cert_path, const char *key_path) {
    FILE *cert_file = fopen(cert_path, "we"), *key_file = fopen(key_path, "we");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    MUST(cert_file != NULL && key_file != NULL && key != NULL && x509 != NULL);
    MUST(X509_set_pubkey(x509, key) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1) == 1);
    MUST(X509_gmtime_adj(X509_getm_notBefore(x509), -60) != NULL);
    MUST(X509_gmtime_adj(X509_getm_notAfter(x509), 3600) != NULL);
    MUST(X509_sign(x509, key, EVP_sha256()) > 0);
    MUST(PEM_write_X509(cert_file, x509) == 1);
    MUST(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1);
    MUST(fclose(cert_file) == 0 && fclose(key_file) == 0);
    X509_free(x509);
    EVP_PKEY_free(key);
}
