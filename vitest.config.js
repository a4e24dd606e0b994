export default { test: { include: ["tests/js/*.test.js"], setupFiles: ["tests/js/setup.js"] } };
