//! Networks that are locked down: authorities of one's own, client certificates, proxies, mirrors, and the endpoints that
//! AWS has for some regions.

use super::support::tls::{Authority, Front};
use super::support::{Project, Runner, StandIn, account_host};

const BUILD: &str = "base: scratch\nlayers:\n  - {from: app, to: /app}\ndeploy: {cluster: main, services: [web]}\n";

/// A runner with AWS credentials and this user configuration.
fn runner(config: &str) -> (Runner, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("config.yaml"), config).expect("a configuration");
    let runner = Runner::new()
        .env("DOCKLESS_CONFIG", &folder.path().join("config.yaml").display().to_string())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    (runner, folder)
}

fn hosts(lines: &str) -> String {
    format!("hosts:\n  {}: {{{lines}}}\n", account_host())
}

#[test]
fn registry_and_aws_are_reached_under_an_authority_of_ones_own() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let authority = Authority::new();
    let front = Front::tls(&standin.address(), &authority, &["localhost"], None);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = authority.write(folder.path());
    let endpoint = format!("https://localhost:{}", front.port());
    let project = Project::with(BUILD);
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let (runner, _config) = runner(&hosts(&format!("endpoint: \"localhost:{}\", scheme: https", front.port())));
        let runner = runner.env("AWS_ENDPOINT_URL", &endpoint).env(variable, &ca);
        let report = runner.report(project.path(), &["ship"]);
        assert!(report["verdict"].is_string(), "{variable}: {report}");
    }
}

#[test]
fn a_host_s_own_authority_is_enough_for_the_host_and_for_aws() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let authority = Authority::new();
    let front = Front::tls(&standin.address(), &authority, &["localhost"], None);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = authority.write(folder.path());
    let port = front.port();
    let config = format!(
        "{}  localhost:{port}: {{ca: {ca}}}\n",
        hosts(&format!("endpoint: \"localhost:{port}\", scheme: https, ca: {ca}"))
    );
    let (runner, _config) = runner(&config);
    let runner = runner.env("AWS_ENDPOINT_URL", &format!("https://localhost:{port}"));
    let report = runner.report(Project::with(BUILD).path(), &["ship"]);
    assert_eq!(report["verdict"], "successful");
}

#[test]
fn an_unknown_authority_is_told_with_its_remedy_and_at_once() {
    let standin = StandIn::start(&["shop"], &[]);
    let front = Front::tls(&standin.address(), &Authority::new(), &["localhost"], None);
    let name = format!("localhost:{}/shop", front.port());
    let (runner, _config) = runner(&format!("hosts:\n  localhost:{}: {{scheme: https}}\n", front.port()));
    let project = Project::with(BUILD);
    let started = std::time::Instant::now();
    let run = runner.run(project.path(), &["push", "--name", &name]);
    run.fails_with(5, &["the certificate of `localhost:", "is not trusted", "{ca: FILE}", "SSL_CERT_FILE"]);
    assert!(started.elapsed().as_secs() < 20, "a certificate is not tried again");
}

#[test]
fn an_unknown_authority_of_aws_is_told_at_once_too() {
    let standin = StandIn::start(&["shop"], &[]);
    let front = Front::tls(&standin.address(), &Authority::new(), &["localhost"], None);
    let (runner, _config) = runner(&hosts(&format!("endpoint: \"{}\"", standin.address())));
    let runner = runner.env("AWS_ENDPOINT_URL", &format!("https://localhost:{}", front.port()));
    let started = std::time::Instant::now();
    let run = runner.run(Project::with(BUILD).path(), &["push"]);
    run.fails_with(5, &["the certificate is not trusted", "AWS_CA_BUNDLE"]);
    assert!(started.elapsed().as_secs() < 20, "a certificate is not tried again");
}

#[test]
fn a_bundle_that_is_not_there_is_named() {
    let project = Project::with(BUILD);
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let run = Runner::new().env(variable, "/nowhere/ca.pem").run(project.path(), &["push"]);
        run.fails_with(5, &["/nowhere/ca.pem"]);
    }
}

#[test]
fn a_client_certificate_is_shown_to_the_host_that_it_is_for() {
    let standin = StandIn::start(&["shop"], &[]);
    let (servers, clients) = (Authority::new(), Authority::new());
    let front = Front::tls(&standin.address(), &servers, &["localhost"], Some(&clients));
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, (cert, key)) = (servers.write(folder.path()), clients.client(folder.path()));
    let endpoint = format!("endpoint: \"localhost:{}\", scheme: https, ca: {ca}", front.port());
    let project = Project::with(BUILD);
    let (with, _config) = runner(&hosts(&format!("{endpoint}, cert: {cert}, key: {key}")));
    let run = with.env("AWS_ENDPOINT_URL", &standin.sandbox().endpoint()).run(project.path(), &["push"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (without, _config) = runner(&hosts(&endpoint));
    let run = without.env("AWS_ENDPOINT_URL", &standin.sandbox().endpoint()).run(project.path(), &["push"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert!(run.stderr.contains("refuses the TLS connection"), "{}", run.stderr);
    assert!(run.stderr.contains("cert: FILE, key: FILE"), "{}", run.stderr);
}

/// What only the proxy reaches: a stand-in under the names of AWS.
struct Inside {
    _standin: StandIn,
    proxy: Front,
    _tls: Front,
    ca: String,
    _folder: tempfile::TempDir,
}

fn inside(repository: &str, names: &[&str], login: Option<&str>) -> Inside {
    let standin = StandIn::start(&[repository], &["web"]);
    let authority = Authority::new();
    let tls = Front::tls(&standin.address(), &authority, names, None);
    let proxy = Front::proxy(tls.address(), login);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = authority.write(folder.path());
    Inside { _standin: standin, proxy, _tls: tls, ca, _folder: folder }
}

#[test]
fn registry_ecr_and_ecs_are_reached_by_the_proxy_alone() {
    let names = [account_host(), "api.ecr.eu-west-1.amazonaws.com", "ecs.eu-west-1.amazonaws.com"];
    let inside = inside("shop", &names, Some("user:canary"));
    let proxy = format!("http://user:canary@{}", inside.proxy.address());
    let (runner, _config) = runner("");
    let runner = runner.env("HTTPS_PROXY", &proxy).env("AWS_CA_BUNDLE", &inside.ca);
    let run = runner.run(Project::with(BUILD).path(), &["ship", "-v"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut expect: Vec<String> = names.iter().map(|name| format!("CONNECT {name}:443")).collect();
    expect.sort();
    assert_eq!(inside.proxy.asked(), expect);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
}

#[test]
fn a_proxy_that_lets_nobody_in_is_named_and_its_password_is_not() {
    let inside = inside("shop", &[account_host()], Some("user:right"));
    let (runner, _config) = runner(&hosts("mirrors: []"));
    let runner = runner
        .env("HTTPS_PROXY", &format!("http://user:canary@{}", inside.proxy.address()))
        .env("AWS_CA_BUNDLE", &inside.ca)
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        .env("DOCKER_AUTH_CONFIG", &format!(r#"{{"auths":{{"{}":{{"auth":"YTpi"}}}}}}"#, account_host()));
    let run = runner.run(Project::with(BUILD).path(), &["push"]);
    run.fails_with(5, &["cannot reach", "proxy", "HTTPS_PROXY and NO_PROXY"]);
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
}

#[test]
fn what_no_proxy_names_is_reached_directly() {
    let standin = StandIn::start(&["shop"], &["web"]);
    let authority = Authority::new();
    let front = Front::tls(&standin.address(), &authority, &["localhost", "127.0.0.1"], None);
    let nobody = Front::proxy("127.0.0.1:1", None);
    let folder = tempfile::tempdir().expect("a folder");
    let ca = authority.write(folder.path());
    // A name beside loopback, which goes directly in any case, cannot be resolved here: so the proxy sees all but it.
    let (runner, _config) = runner(&hosts(&format!("endpoint: \"localhost:{}\", scheme: https", front.port())));
    let runner = runner
        .env("AWS_ENDPOINT_URL", &standin.sandbox().endpoint())
        .env("AWS_CA_BUNDLE", &ca)
        .env("HTTPS_PROXY", &format!("http://{}", nobody.address()))
        .env("NO_PROXY", "localhost");
    let run = runner.run(Project::with(BUILD).path(), &["ship"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(nobody.asked(), Vec::<String>::new());
}

#[test]
fn the_host_decides_on_region_fips_and_dual_stack() {
    for (host, api) in [
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-east-1.amazonaws.com"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "ecr.us-east-1.api.aws"),
        ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "ecr-fips.us-east-1.api.aws"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn"),
        ("123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "api.ecr.us-gov-west-1.amazonaws.com"),
    ] {
        let inside = inside("shop", &[host, api], None);
        let (runner, _config) = runner("");
        let runner = runner
            .env("HTTPS_PROXY", &format!("http://{}", inside.proxy.address()))
            .env("AWS_CA_BUNDLE", &inside.ca)
            .env("AWS_REGION", "eu-central-1");
        let run = runner.run(Project::with(BUILD).path(), &["push", "--name", &format!("{host}/shop")]);
        assert_eq!(run.code, 0, "{host}: {:?} {}", inside.proxy.asked(), run.stderr);
        let mut expect = vec![format!("CONNECT {host}:443"), format!("CONNECT {api}:443")];
        expect.sort();
        assert_eq!(inside.proxy.asked(), expect);
    }
}

#[test]
fn a_mirror_with_a_prefix_serves_what_its_host_cannot() {
    let standin = StandIn::start(&["hub/library/shop"], &[]);
    let project = Project::with(BUILD);
    let pushed = standin
        .runner()
        .report(project.path(), &["push", "--name", &format!("{}/hub/library/shop", account_host()), "--tag", "1"]);
    // Docker Hub is where nobody listens.
    let config = format!(
        "hosts:\n  docker.io: {{endpoint: \"127.0.0.1:1\", mirrors: [{0}/hub]}}\n  {0}: {{endpoint: \"{1}\"}}\n",
        account_host(),
        standin.address()
    );
    let (runner, _config) = runner(&config);
    let runner = runner.env("AWS_ENDPOINT_URL", &standin.sandbox().endpoint());
    let report = runner.report(project.path(), &["inspect", "docker.io/library/shop:1"]);
    assert_eq!(report["digest"], pushed["digest"]);
    project.write("other/file", "x\n");
    project.build_file("base: docker.io/library/shop:1\nlayers:\n  - {from: other, to: /other}\n");
    let layout = project.join("out");
    let run = runner.run(project.path(), &["build", "--output", &format!("oci:{}", layout.display())]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}
