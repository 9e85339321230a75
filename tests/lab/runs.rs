//! The shop over a real PHP: pushed, pulled by the Docker engine, run, and asked over HTTP.

use std::time::{Duration, Instant};

use crate::support::docker::{Container, docker};
use crate::support::http::request;
use crate::support::process::run;
use crate::support::servers::{free_port, moto, registry, registry_login, variable};
use crate::support::workbench::Workbench;

/// Asks until the server is up, for at most 30 seconds.
#[track_caller]
fn ask(container: &Container, authority: &str, line: &str) -> (u16, String) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match request(authority, line, &[], "") {
            Ok(answer) => return answer,
            Err(why) if Instant::now() > deadline => panic!("{line}: {why}\n{}", container.logs()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn shop_answers_from_a_container_and_writes_to_its_storage() {
    let bench = Workbench::new().ecr(&registry(), &moto());
    bench.docker_login(&registry(), &registry_login());
    let base = format!("base: oci-archive:{}", variable("PHP_BASE"));
    let shop = bench.myshop().with("appkr/myshop", "runs/shop").with("base: oci:base", &base);
    let push = run(bench.dockless().arg("-C").arg(&shop.dir).args(["push", "--json"])).ok().json();
    let digest = push["digest"].as_str().expect("a digest");

    let image = format!("{}/runs/shop@{digest}", registry());
    docker(&bench, &["pull", "--quiet", &image]).ok();
    let authority = format!("127.0.0.1:{}", free_port());
    // The image's own command with another address, for all containers share the machine's network here.
    let command = ["php", "-S", &authority, "-t", "public", "public/index.php"];
    let container = Container::start(&bench, &[&["--network=host", image.as_str()], &command[..]].concat());

    let (status, page) = ask(&container, &authority, "GET /");
    assert_eq!(status, 200, "{page}\n{}", container.logs());
    assert!(page.contains("Welcome to myshop"), "{page}");
    assert_eq!(ask(&container, &authority, "GET /health"), (200, "ok\n".to_owned()));
    assert_eq!(ask(&container, &authority, "GET /robots.txt").0, 200);
    assert_eq!(ask(&container, &authority, "POST /write"), (201, "1 orders\n".to_owned()));
    let owners = container.exec("0", "cd storage && stat -c '%U %a' . app && stat -c %U app/orders.txt");
    assert_eq!(owners, "www-data 775\nwww-data 775\nwww-data\n");
    container.exec("www-data", "touch bootstrap/cache/x storage/logs/y");
    assert_eq!(container.exec("0", "php artisan schedule:run | grep -c '+09:00'"), "1\n", "the time zone is Seoul's");
    assert_eq!(container.exec("0", "stat -c %a /tmp; readlink /lib"), "1777\nusr/lib\n");
}
