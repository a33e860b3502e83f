package session

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// newClient makes a client of the Redis at a URL, and does not ask it anything. The
// forms of a URL are those of go-redis, and its scheme says which is meant:
//
//	redis://user:password@host:6379/0                              one server
//	redis+sentinel://user:password@host:26379/0?master_name=books  what Sentinels name
//	redis+cluster://user:password@host:7000?addr=host2:7000        a cluster
//
// With rediss in the place of redis, all connections are by TLS. A URL of Sentinels
// has their password; that of Redis is the parameter password. More addresses are
// given by the parameter addr. What the parameter prefix names, all keys and channels
// begin with. Replicas are never read: one that lags would let in who has been logged
// out.
func newClient(rawURL string, opts Options) (redis.UniversalClient, keys, error) {
	rawURL, prefix, err := cutPrefix(rawURL)
	var o *redis.UniversalOptions
	if err == nil {
		o, err = parseURL(rawURL)
	}
	if err != nil {
		// Neither the URL nor the parser's error is shown: they hold the password.
		return nil, "", errors.New("session: the address of Redis is not a redis://, redis+sentinel:// or redis+cluster:// URL, nor one with rediss")
	}
	if o.TLSConfig != nil {
		o.TLSConfig.MinVersion = tls.VersionTLS12
		o.TLSConfig.RootCAs = opts.RootCAs
		o.TLSConfig.ServerName = "" // each server is to have the name that it is reached by
	}
	o.PoolSize = cmp.Or(opts.PoolSize, o.PoolSize, 64)

	// A request waits at most about two seconds for a Redis that hangs, and
	// no time at all for one that is gone.
	o.ContextTimeoutEnabled = true
	o.DialTimeout = cmp.Or(o.DialTimeout, 2*time.Second)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, time.Second)
	o.DialerRetries = 1
	if !o.IsClusterMode { // whose client asks another node in the place of the same again
		o.MaxRetries = 1
	}

	// Neither is needed, and each costs a command on every new connection.
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if o.IsClusterMode {
		cluster := o.Cluster()
		// No command here is for several nodes; looking each up costs the list of them all.
		cluster.DisableRoutingPolicies = true
		// A client that only meets a dead primary is told nothing of a failover.
		cluster.ClusterStateReloadInterval = lookForPrimaries
		return redis.NewClusterClient(cluster), prefix, nil
	}
	return redis.NewUniversalClient(o), prefix, nil
}

// lookForPrimaries is how often a cluster in use is asked at most where its slots are.
const lookForPrimaries = time.Second

// cutPrefix takes the parameter prefix, which go-redis does not know, off a URL.
func cutPrefix(rawURL string) (rest string, prefix keys, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", "", err
	}
	q := u.Query()
	if prefix = keys(q.Get("prefix")); strings.ContainsAny(string(prefix), "{}") {
		return "", "", errors.New("a prefix with a hash tag")
	}
	q.Del("prefix")
	u.RawQuery = q.Encode()
	return u.String(), prefix, nil
}

// parseURL reads where Redis is, and those of a URL's parameters that count.
func parseURL(url string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	scheme, form, formed := strings.Cut(scheme, "+")
	if scheme != "redis" && scheme != "rediss" || formed && form == "" {
		return nil, errors.New("another scheme")
	}
	url = scheme + "://" + rest
	switch form {
	case "":
		o, err := redis.ParseURL(url)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{
			Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
			PoolSize: o.PoolSize, DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		}, nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(url)
		if err != nil {
			return nil, err
		}
		if o.MasterName == "" {
			return nil, errors.New("no master_name")
		}
		return &redis.UniversalOptions{
			Addrs: o.SentinelAddrs, MasterName: o.MasterName, SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
			DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
			PoolSize: o.PoolSize, DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		}, nil
	case "cluster":
		o, err := redis.ParseClusterURL(url)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{
			Addrs: o.Addrs, IsClusterMode: true, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig,
			PoolSize: o.PoolSize, DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		}, nil
	}
	return nil, errors.New("another form")
}
