// The two calls of GitHub's REST API that the sync needs.

const API = "https://api.github.com";
const PAGE = 100;

export class GitHub {
  constructor(token) {
    this.token = token;
  }

  async issues(repository) {
    const issues = [];
    for (let page = 1; ; page += 1) {
      const found = await this.call("GET", `/repos/${repository}/issues?state=all&per_page=${PAGE}&page=${page}`);
      issues.push(...found.filter((issue) => issue.pull_request === undefined));
      if (found.length < PAGE) {
        return issues;
      }
    }
  }

  close(repository, number) {
    return this.call("PATCH", `/repos/${repository}/issues/${number}`, { state: "closed" });
  }

  async call(method, path, body) {
    const response = await fetch(API + path, {
      method,
      headers: { Accept: "application/vnd.github+json", Authorization: `Bearer ${this.token}` },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) {
      throw new Error(`GitHub answered ${response.status}`);
    }
    return response.json();
  }
}
