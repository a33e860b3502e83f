package app_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/automobilepay/mobilepay/app"
	"github.com/automobilepay/mobilepay/config"
)

// container is a process of the program as a file for a deployment describes it.
type container struct {
	name, command string
	settings      map[string]string
	fromSecrets   []string
}

type (
	composeFile struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Environment map[string]string
			ReadOnly    bool `yaml:"read_only"`
			Healthcheck struct{ Test []string }
			Grace       string `yaml:"stop_grace_period"`
		}
	}
	manifest struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
		Spec     struct {
			Template struct {
				Spec struct {
					Grace      int            `yaml:"terminationGracePeriodSeconds"`
					Security   map[string]any `yaml:"securityContext"`
					Containers []struct {
						Args    []string
						EnvFrom []struct {
							ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
						} `yaml:"envFrom"`
						Env []struct {
							Name, Value string
							ValueFrom   map[string]any `yaml:"valueFrom"`
						}
						Security  map[string]any `yaml:"securityContext"`
						Readiness probe          `yaml:"readinessProbe"`
						Liveness  probe          `yaml:"livenessProbe"`
					}
				}
			}
		}
	}
	probe struct {
		HTTPGet struct{ Path string } `yaml:"httpGet"`
	}
)

// Every file for a deployment starts the program with commands and settings that there
// are, and which are enough.
func TestDeployments(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"DATABASE_URL": "postgres://mobilepay:0123456789abcdef@db.internal/mobilepay?sslmode=verify-full", "REDIS_URL": "rediss://:0123456789abcdef@redis.internal:6379/0",
		"MOBILEPAY_SMTP_URL": "smtp://u:0123456789abcdef@mail.internal:587", "MOBILEPAY_KEYSET_JSON": "{}",
	}
	known := map[string]bool{}
	for field := range reflect.TypeFor[config.Config]().Fields() {
		known[field.Tag.Get("env")] = true
	}
	all := append(composed(t), manifested(t)...)
	commands := map[string]int{}
	for _, c := range all {
		commands[c.command]++
		var environ []string
		for name, value := range c.settings {
			environ = append(environ, name+"="+value)
			if !known[name] {
				t.Errorf("%s: there is no setting %s", c.name, name)
			}
		}
		for _, name := range c.fromSecrets {
			environ = append(environ, name+"="+secrets[name])
			if !known[name] || secrets[name] == "" {
				t.Errorf("%s: there is no secret setting %s", c.name, name)
			}
		}
		needs, ok := app.Needs(c.command)
		if !ok {
			t.Errorf("%s: there is no command %q", c.name, c.command)
		}
		if _, err := config.Load(environ, needs); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for command, n := range map[string]int{"serve": 3, "worker": 2, "migrate": 2} {
		if commands[command] != n {
			t.Errorf("%s is started %d times, want %d", command, commands[command], n)
		}
	}
}

// composed are the containers of compose.yaml that run the program.
func composed(t *testing.T) (all []container) {
	t.Helper()
	var file composeFile
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for name, s := range file.Services {
		if s.Image != "mobilepay" {
			if !regexp.MustCompile(`^\w+:\d`).MatchString(s.Image) {
				t.Errorf("%s: the image %q has no version", name, s.Image)
			}
			continue
		}
		c := container{name: "compose.yaml " + name, command: s.Command[0], settings: s.Environment}
		if !s.ReadOnly || s.Grace != "15s" {
			t.Errorf("%s can be written to, or has no time to end", c.name)
		}
		if c.command == "serve" && (len(s.Healthcheck.Test) != 3 || s.Healthcheck.Test[2] != "ready") {
			t.Errorf("%s is not asked whether it is ready: %v", c.name, s.Healthcheck.Test)
		}
		all = append(all, c)
	}
	return all
}

// manifested are the containers of Kubernetes' manifests.
func manifested(t *testing.T) (all []container) {
	t.Helper()
	var manifests []manifest
	for _, path := range must(filepath.Glob("../deploy/kubernetes/*.yaml")) {
		decoder := yaml.NewDecoder(bytes.NewReader(must(os.ReadFile(path))))
		for {
			var m manifest
			err := decoder.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			manifests = append(manifests, m)
		}
	}
	for _, m := range manifests {
		for _, of := range m.Spec.Template.Spec.Containers {
			c := container{name: m.Kind + " " + m.Metadata.Name, command: of.Args[0], settings: map[string]string{}}
			for _, from := range of.EnvFrom {
				at := slices.IndexFunc(manifests, func(m manifest) bool { return m.Kind == "ConfigMap" && m.Metadata.Name == from.ConfigMapRef.Name })
				if at < 0 {
					t.Fatalf("%s: there is no ConfigMap %s", c.name, from.ConfigMapRef.Name)
				}
				for name, value := range manifests[at].Data {
					c.settings[name] = value
				}
			}
			for _, env := range of.Env {
				if env.ValueFrom != nil {
					c.fromSecrets = append(c.fromSecrets, env.Name)
				} else {
					c.settings[env.Name] = env.Value
				}
			}
			pod := m.Spec.Template.Spec
			if of.Security["readOnlyRootFilesystem"] != true || of.Security["allowPrivilegeEscalation"] != false || pod.Security["runAsNonRoot"] != true {
				t.Errorf("%s may do too much", c.name)
			}
			if m.Kind == "Deployment" && pod.Grace < 11 {
				t.Errorf("%s has no time to end", c.name)
			}
			if c.command == "serve" && (of.Readiness.HTTPGet.Path != "/readyz" || of.Liveness.HTTPGet.Path != "/healthz") {
				t.Errorf("%s is asked at %q and %q", c.name, of.Readiness.HTTPGet.Path, of.Liveness.HTTPGet.Path)
			}
			all = append(all, c)
		}
	}
	return all
}

// The image is of a version, starts the program, and not as root.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(from[1], ":") || strings.HasSuffix(from[1], ":latest") {
			t.Errorf("%s has no version", from[1])
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	for _, line := range []string{"FROM golang:" + version + "-", "USER 65532:65532\n", `ENTRYPOINT ["/mobilepay"]` + "\nCMD [\"serve\"]\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("there is no %q", line)
		}
	}
}
