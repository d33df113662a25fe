package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	patience   = 2 * time.Minute
	services   = "10.96.0.0/16"
	issuer     = "https://kubernetes.default.svc.cluster.local"
	kubeconfig = "admin.kubeconfig"
)

// The controllers that answers of the API depend on; with --workloads those, too, that make pods (which nothing runs).
var (
	housekeeping = []string{
		"namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
		"root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller",
		"resourcequota-controller", "validatingadmissionpolicy-status-controller",
	}
	workloads = []string{
		"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller",
		"job-controller", "cronjob-controller", "endpoints-controller", "endpointslice-controller",
		"disruption-controller",
	}
)

// serve starts a control plane on free loopback ports and keeps it until a signal or until one of its parts ends.
func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	dir := flags.String("dir", "", "an empty folder for keys, data, logs and "+kubeconfig)
	withWorkloads := flags.Bool("workloads", false, "also run the controllers of workloads")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("serve needs --dir")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// Children are to end with the thread that started them (see endWithParent).
	runtime.LockOSThread()
	plane := &controlPlane{dir: *dir, ended: make(chan error, 3)}
	defer plane.stop()
	if *withWorkloads {
		plane.controllers = append(append(plane.controllers, housekeeping...), workloads...)
	} else {
		plane.controllers = housekeeping
	}
	if err := plane.start(ctx); err != nil {
		return err
	}
	fmt.Println("ready", filepath.Join(*dir, kubeconfig))
	select {
	case <-ctx.Done():
		return nil
	case err := <-plane.ended:
		return err
	}
}

type controlPlane struct {
	dir         string
	controllers []string
	running     []*exec.Cmd
	ended       chan error
}

func (p *controlPlane) start(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	keys, err := writeKeys(p.dir, ports[2])
	if err != nil {
		return err
	}
	if err := p.run("etcd", "--dir="+p.path("etcd"),
		fmt.Sprintf("--client-port=%d", ports[0]), fmt.Sprintf("--peer-port=%d", ports[1])); err != nil {
		return err
	}
	if err := p.run("kube-apiserver",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", ports[0]),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		"--client-ca-file="+p.path("ca.crt"),
		"--tls-cert-file="+p.path("server.crt"), "--tls-private-key-file="+p.path("server.key"),
		"--service-account-key-file="+p.path("accounts.key"),
		"--service-account-signing-key-file="+p.path("accounts.key"),
		"--service-account-issuer="+issuer, "--service-cluster-ip-range="+services,
		"--authorization-mode=RBAC", "--allow-privileged=true",
		"--endpoint-reconciler-type=none", "--profiling=false"); err != nil {
		return err
	}
	if err := p.await(ctx, ports[2], keys, "/readyz"); err != nil {
		return err
	}
	if err := p.run("kube-controller-manager",
		"--kubeconfig="+p.path(kubeconfig), "--controllers="+strings.Join(p.controllers, ","),
		"--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0",
		"--root-ca-file="+p.path("ca.crt"),
		"--service-account-private-key-file="+p.path("accounts.key"),
		"--concurrent-namespace-syncs=4", "--concurrent-gc-syncs=4"); err != nil {
		return err
	}
	return p.await(ctx, ports[2], keys, "/api/v1/namespaces/default/serviceaccounts/default")
}

// run starts this program under another name; what it says goes to a log of that name.
func (p *controlPlane) run(name string, arguments ...string) error {
	own, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(p.path(name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(own, append([]string{name}, arguments...)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = endWithParent()
	if err := command.Start(); err != nil {
		return err
	}
	p.running = append(p.running, command)
	go func() {
		p.ended <- fmt.Errorf("%s has ended (%v); see %s", name, command.Wait(), log.Name())
	}()
	return nil
}

// stop ends all parts, the last one first; nothing of them is worth waiting long for.
func (p *controlPlane) stop() {
	for i := len(p.running) - 1; i >= 0; i-- {
		p.running[i].Process.Kill() //nolint:errcheck // it may have ended already
	}
}

func (p *controlPlane) path(name string) string {
	return filepath.Join(p.dir, name)
}

// await asks for a path as the administrator until the answer is 200.
func (p *controlPlane) await(ctx context.Context, port int, keys *keyring, path string) error {
	roots := x509.NewCertPool()
	roots.AddCert(keys.authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{keys.admin}}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		answer, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d%s", port, path))
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case err := <-p.ended:
			return err
		case <-deadline:
			return fmt.Errorf("no good answer to %s within %s; see the logs in %s", path, patience, p.dir)
		}
	}
}

func freePorts(count int) ([]int, error) {
	ports := make([]int, 0, count)
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // all at the end, so that no port is told twice
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
