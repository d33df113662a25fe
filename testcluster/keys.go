package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const kubeconfigForm = `apiVersion: v1
kind: Config
clusters: [{name: testcluster, cluster: {server: "https://127.0.0.1:%d", certificate-authority: %q}}]
users: [{name: admin, user: {client-certificate: %q, client-key: %q}}]
contexts: [{name: testcluster, context: {cluster: testcluster, user: admin}}]
current-context: testcluster
`

type keyring struct {
	authority *x509.Certificate
	admin     tls.Certificate
}

// writeKeys makes an authority, the certificates of the server and of the administrator, the key that signs tokens of
// ServiceAccounts, and the administrator's kubeconfig. All of it lives as long as the folder does.
func writeKeys(dir string, port int) (*keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	now := time.Now()
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "testcluster-ca"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	if authority, err = x509.ParseCertificate(raw); err != nil {
		return nil, err
	}
	issue := func(name string, template *x509.Certificate) error {
		template.NotBefore, template.NotAfter = authority.NotBefore, authority.NotAfter
		return writePair(dir, name, template, authority, authorityKey)
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost", "kubernetes.default.svc"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	admin := &x509.Certificate{
		SerialNumber: big.NewInt(3),
		Subject:      pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, step := range []error{
		writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", raw), issue("server", server), issue("admin", admin),
		writeSigningKey(filepath.Join(dir, "accounts.key")),
	} {
		if step != nil {
			return nil, step
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	text := fmt.Sprintf(kubeconfigForm, port, at("ca.crt"), at("admin.crt"), at("admin.key"))
	if err := os.WriteFile(at(kubeconfig), []byte(text), 0o600); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(at("admin.crt"), at("admin.key"))
	return &keyring{authority, pair}, err
}

func writePair(dir, name string, template, authority *x509.Certificate, signer *ecdsa.PrivateKey) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	raw, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, name+".key"), "PRIVATE KEY", secret); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", raw)
}

func writeSigningKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return writePEM(path, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func writePEM(path, kind string, content []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
}
