#!/bin/bash
# Makes the certificates and lists here, and the seeds of the target chain; then src/fuzzing/chain.rs takes the new ones
# for good. The keys are thrown away.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

printf '[req]\ndistinguished_name=dn\n[dn]\n' >config
cat >ca <<'END'
[ca]
default_ca=all
[all]
database=index
crlnumber=number
default_md=default
new_certs_dir=.
policy=any
rand_serial=yes
unique_subject=no
[any]
commonName=supplied
[list2]
authorityKeyIdentifier=keyid
END
touch index
echo 01 >number
authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
names='subjectAltName=DNS:good.test,IP:127.0.0.1,DNS:*.good.test\nextendedKeyUsage=serverAuth\n'

# NAME ISSUER EXTENSIONS KEY...: without extensions of version 1.
certificate() {
    local name=$1 issuer=$2 extensions=$3
    shift 3
    openssl genpkey -out "$name.key" "$@" 2>/dev/null
    openssl req -new -config config -subj "/CN=$name.good.test" -key "$name.key" -out "$name.csr"
    local how=(-cert "$issuer.crt" -keyfile "$issuer.key" "${signing[@]}")
    [ "$issuer" != "$name" ] || how=(-selfsign -keyfile "$name.key")
    printf "$extensions" >"$name.ext"
    [ -z "$extensions" ] || how+=(-extfile "$name.ext")
    # Valid by any clock.
    openssl ca -batch -notext -config ca -in "$name.csr" -out "$name.crt" -startdate 20000101000000Z \
        -enddate 21000101000000Z "${how[@]}" 2>/dev/null
    openssl x509 -in "$name.crt" -outform DER -out "$here/$name.der"
}

signing=()
ec=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
certificate root root "$authority" "${ec[@]}"
certificate between root "$authority" "${ec[@]}"
certificate constrained root "${authority}nameConstraints=critical,permitted;DNS:good.test\n" -algorithm ED25519
certificate leaf3 root "$names" "${ec[@]}"
certificate leaf1 root '' "${ec[@]}"
certificate below3 between "$names" -algorithm RSA -pkeyopt rsa_keygen_bits:2048
certificate below1 between '' -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048
certificate constrained3 constrained "$names" "${ec[@]}"
certificate salting root "$authority" -algorithm RSA -pkeyopt rsa_keygen_bits:2048
signing=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max)
certificate salted1 salting '' "${ec[@]}"
signing=()
certificate stranger stranger "$authority$names" "${ec[@]}"
# Issued by what may not issue.
certificate forged3 leaf3 "$names" "${ec[@]}"
certificate forged1 leaf1 '' "${ec[@]}"
# A revoked one, and the lists of both authorities, the root's of version 1, too.
certificate revoked root "$names" "${ec[@]}"
openssl ca -config ca -cert root.crt -keyfile root.key -revoke revoked.crt 2>/dev/null
sed '/crlnumber/d' ca >ca1
for list in root:list1:ca1: root:list2:ca:list2 between:list3:ca:list2; do
    IFS=: read -r issuer name config section <<<"$list"
    openssl ca -config "$config" -gencrl -crl_lastupdate 20000101000000Z -crl_nextupdate 21000101000000Z -cert "$issuer.crt" -keyfile "$issuer.key" \
        ${section:+-crlexts "$section"} -out "$name.crl" 2>/dev/null
    openssl crl -in "$name.crl" -outform DER -out "$here/$name.der"
done

cd "$here"
seeds=../seeds/chain
rm -f "$seeds"/*
seed() {
    local name=$1
    shift
    cat "${@/%/.der}" >"$seeds/$name"
}
seed direct leaf3
seed old leaf1
seed chained below3 between
seed chained-old below1 between
seed root root
seed constrained constrained3 constrained
seed salted salted1 salting
seed stranger stranger
seed forged forged3 leaf3
seed forged-old forged1 leaf1
seed many below3 stranger leaf3 constrained between
seed listed leaf3 list2
seed listed-old leaf1 list1
seed listed-chain below1 between list2 list3
seed revoked revoked list1
