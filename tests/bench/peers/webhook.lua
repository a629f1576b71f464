-- The duties of nginx_full.conf, on LuaJIT with OpenSSL by its foreign function interface. The HMAC's key is hashed
-- once, at start.
local cjson = require "cjson.safe"
local ffi = require "ffi"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
typedef struct hmac_ctx_st HMAC_CTX;
const EVP_MD *EVP_sha256(void);
HMAC_CTX *HMAC_CTX_new(void);
int HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int key_len, const EVP_MD *md, void *engine);
int HMAC_Update(HMAC_CTX *ctx, const char *data, size_t len);
int HMAC_Final(HMAC_CTX *ctx, unsigned char *md, unsigned int *len);
int CRYPTO_memcmp(const void *a, const void *b, size_t len);
]]

local crypto = ffi.load "crypto.so.3"
local TOLERANCE_S, REMEMBERED_S, MAC_LEN = 300, 600, 32
local key = ngx.decode_base64(os.getenv("WEBHOOK_SECRET"):sub(#"whsec_" + 1))
local context = crypto.HMAC_CTX_new()
crypto.HMAC_Init_ex(context, key, #key, crypto.EVP_sha256(), nil)
local mac = ffi.new("unsigned char[?]", MAC_LEN)
local seen = ngx.shared.seen

local function sign(id, timestamp, body)
    local head = id .. "." .. timestamp .. "."
    crypto.HMAC_Init_ex(context, nil, 0, nil, nil) -- as after the key
    crypto.HMAC_Update(context, head, #head)
    crypto.HMAC_Update(context, body, #body)
    crypto.HMAC_Final(context, mac, nil)
end

local function is_signed(id, timestamp, signatures, body)
    if not id or not signatures or not tonumber(timestamp) or
        math.abs(ngx.time() - tonumber(timestamp)) > TOLERANCE_S then
        return false
    end
    sign(id, timestamp, body)
    for version, text in signatures:gmatch("(%w+),(%S+)") do
        local given = version == "v1" and ngx.decode_base64(text)
        if given and #given == MAC_LEN and crypto.CRYPTO_memcmp(given, mac, MAC_LEN) == 0 then
            return true
        end
    end
    return false
end

local webhook = {}

function webhook.check()
    ngx.req.read_body()
    local var, body = ngx.var, ngx.req.get_body_data() or ""
    local id = var.http_webhook_id
    if not is_signed(id, var.http_webhook_timestamp, var.http_webhook_signature, body) then
        return ngx.exit(401)
    end
    local message = cjson.decode(body)
    if type(message) ~= "table" then
        return ngx.exit(400)
    end
    if not seen:add(id, true, REMEMBERED_S) then
        return ngx.exit(200)
    end
    var.endpoint = (message.eventType or message.payload) and "/new" or "/legacy"
    ngx.ctx.id = id
end

-- The sender tries again what the consumer has not taken.
function webhook.forget_what_failed()
    if ngx.status >= 300 and ngx.ctx.id then
        seen:delete(ngx.ctx.id)
    end
end

return webhook
