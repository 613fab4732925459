// Chinese names of what the hub names in English: categories, cities, problem and reason codes. What is not
// in here, such as a small city, keeps its English name.

/** Reads lines of “key=name;”. */
const namesIn = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split(';')
      .map((entry) => entry.trim().split('='))
      .filter((entry): entry is [string, string] => entry.length === 2),
  )

/** By category code (ISO 18245). */
export const categories = namesIn(`
  0742=兽医;4011=铁路货运;4111=地铁、市郊铁路和轮渡;4112=铁路客运;4119=救护车;4121=出租车和网约车;4131=公共汽车;4214=搬家、快递和公路货运;
  4215=包裹快递;4225=仓储;4411=邮轮;4457=租船;4468=游艇码头;4511=航空公司;4582=机场和航站楼;4722=旅行社;4723=跟团旅游;4784=道路和桥梁通行费;
  4789=其他运输服务;4812=电话和设备;4814=电话服务和充值;4816=互联网服务;4899=电视和流媒体订阅;4900=电、燃气和水;5013=汽车用品批发;5021=办公家具;
  5039=建筑材料;5044=摄影和办公设备;5045=计算机和软件批发;5047=医疗和牙科用品;5065=电气零件;5072=五金工具批发;5094=宝石和贵金属;5111=文具和打印纸;
  5122=药品批发;5131=布料和缝纫用品;5137=制服和工作服;5139=鞋类批发;5172=石油产品;5192=书报批发;5193=花卉苗木批发;5199=其他日用品批发;5200=家居装修店;
  5211=建材市场;5231=玻璃、油漆和墙纸;5251=五金店;5261=园艺店;5262=电商平台;5271=活动房屋经销商;5300=会员制批发店;5309=免税店;5310=折扣店;
  5311=百货商店;5331=杂货店;5399=综合商品;5411=超市和食品店;5422=肉铺和冷冻食品;5441=糖果和坚果店;5451=乳品店;5462=面包店;5499=便利店和特色食品店;
  5511=新旧汽车经销商;5521=二手车经销商;5531=汽车用品和家居店;5532=轮胎店;5533=汽车配件;5541=加油站;5542=自助加油机;5551=船艇经销商;5552=电动车充电;
  5571=摩托车经销商;5599=其他车辆经销商;5611=男装;5621=女装;5631=女士配饰;5641=童装;5651=家庭服装;5655=运动服装;5661=鞋店;5681=皮草店;
  5691=男女服装;5697=裁缝和改衣;5698=假发店;5699=其他服饰;5712=家具店;5713=地板材料;5714=窗帘和软装;5718=壁炉和火炉;5719=其他家居用品;
  5722=家用电器;5732=电子产品店;5733=乐器;5734=电脑和软件店;5735=唱片店;5811=宴会餐饮;5812=餐馆;5813=酒吧和夜总会;5814=快餐和茶饮店;
  5815=数字图书、影视和音乐;5816=数字游戏;5817=数字应用;5818=多种数字商品;5912=药店;5921=酒类;5931=二手店;5932=古董店;5933=典当行;5937=仿古制品;
  5940=自行车店;5941=体育用品;5942=书店;5943=文具和学习用品;5944=珠宝和手表;5945=玩具、游戏和爱好;5946=相机店;5947=礼品和纪念品;5948=箱包皮具;
  5949=缝纫和布料店;5950=玻璃和水晶制品;5960=保险直销;5962=旅游直销;5964=目录和网上商店;5965=有门店的网上商店;5968=订阅服务;5969=其他直销;
  5970=美术用品;5971=艺术品商和画廊;5972=邮票和钱币商;5973=宗教用品;5975=助听器;5976=矫形用品;5977=化妆品;5978=打字机店;5983=燃料经销商;
  5992=花店;5993=烟草店;5994=报刊亭;5995=宠物店;5997=电动剃须刀;5998=帐篷和遮阳篷;5999=其他专卖店;6513=房屋租赁和中介;7011=酒店和旅馆;
  7012=度假屋和分时度假;7032=体育和度假营;7033=露营地和房车营地;7210=洗衣和清洁;7211=家庭洗衣;7216=干洗店;7217=地毯清洗;7221=摄影工作室;7230=美容美发;
  7251=修鞋;7261=殡葬服务;7296=服装租赁;7298=水疗和养生;7299=其他个人服务;7311=广告;7338=复印店;7342=害虫防治;7349=保洁服务;7372=编程和数据处理;
  7375=信息检索;7379=电脑维修;7394=设备租赁;7395=照片冲印;7511=货车服务站;7512=租车;7513=卡车和拖车租赁;7519=房车租赁;7523=停车场和车库;
  7531=车身维修;7534=轮胎修理;7535=汽车喷漆;7538=汽车维修厂;7542=洗车;7549=拖车服务;7622=电子产品维修;7629=小家电维修;7631=钟表珠宝维修;
  7641=家具修理;7699=其他维修店;7829=电影制作发行;7832=电影院;7841=影碟租赁;7911=舞厅和舞蹈学校;7922=剧院和票务;7929=乐队和演艺;7932=台球厅;
  7933=保龄球馆;7941=体育俱乐部和球场;7991=景点和展览;7992=高尔夫球场;7993=游艺机;7994=电子游戏厅;7996=游乐园和马戏团;7997=会员俱乐部;
  7998=水族馆和海豚馆;7999=其他娱乐;8011=医生;8021=牙医;8031=整骨医生;8041=脊椎按摩师;8042=验光师;8043=眼镜店;8049=足病医生;8050=护理院和养老院;
  8062=医院;8071=医学检验室;8099=其他医疗服务;8211=中小学;8220=大学和学院;8241=函授学校;8244=商务学校;8249=职业学校;8299=其他学校和课程;
  8351=托育;8999=其他专业服务;9399=政府服务;9402=邮局;
`)

/** By the name in English. */
export const cities = namesIn(`
  Shanghai=上海;Beijing=北京;Tianjin=天津;Guangzhou=广州;Shenzhen=深圳;Wuhan=武汉;Dongguan=东莞;Chongqing=重庆;
  Chengdu=成都;Nanjing=南京;Nanchong=南充;Xi'an=西安;Shenyang=沈阳;Hangzhou=杭州;Harbin=哈尔滨;Tai'an=泰安;Suzhou=苏州;
  Shantou=汕头;Jinan=济南;Zhengzhou=郑州;Changchun=长春;Dalian=大连;Kunming=昆明;Qingdao=青岛;Foshan=佛山;Puyang=濮阳;
  Wuxi=无锡;Xiamen=厦门;Tianshui=天水;Ningbo=宁波;Shiyan=十堰;Taiyuan=太原;Tangshan=唐山;Hefei=合肥;Zibo=淄博;
  Zhongshan=中山;Changsha=长沙;Urumqi=乌鲁木齐;Shijiazhuang=石家庄;Lanzhou=兰州;Yunfu=云浮;Nanchang=南昌;Dadonghai=大东海;
  Ordos=鄂尔多斯;Jilin=吉林;Bayan Nur=巴彦淖尔;Kunshan=昆山;Xinyang=信阳;Fushun=抚顺;Luoyang=洛阳;Guankou=灌口;Handan=邯郸;
  Baotou=包头;Xuchang=许昌;Yueyang=岳阳;Anshan=鞍山;Tongshan=铜山;Fuzhou=福州;Guiyang=贵阳;Lijiang=丽江;Datong=大同;
  Changshu City=常熟;Xianyang=咸阳;Huainan=淮南;Jieyang=揭阳;Zhu Cheng City=诸城;Baoding=保定;Benxi=本溪;
  Changzhou=常州;Huaibei=淮北;Kaifeng=开封;Pingdingshan=平顶山;Qiqihar=齐齐哈尔;Wenzhou=温州;Nanning=南宁;Anyang=安阳;
  Hohhot=呼和浩特;Shangyu=上虞;Xining=西宁;Qinhuangdao=秦皇岛;Ho Chi Minh City=胡志明市;Hanoi=河内;Da Nang=岘港;
  Haiphong=海防;Bien Hoa=边和;Hue=顺化;Nha Trang=芽庄;Can Tho=芹苴;Rach Gia=迪石;Qui Nhon=归仁;Jakarta=雅加达;
  Surabaya=泗水;Medan=棉兰;Bandung=万隆;Bekasi=勿加泗;Palembang=巨港;Tangerang=丹格朗;Makassar=望加锡;
  South Tangerang=南丹格朗;Semarang=三宝垄;Phnom Penh=金边;Takeo=茶胶;Sihanoukville=西哈努克;Battambang=马德望;
  Siem Reap=暹粒;Paoy Paet=波贝;Kampong Chhnang=磅清扬;Kampong Cham=磅湛;Pursat=菩萨;Ta Khmau=大金欧;Vientiane=万象;
  Pakse=巴色;Thakhek=他曲;Savannakhet=沙湾拿吉;Luang Prabang=琅勃拉邦;Xam Nua=桑怒;Muang Phonsavan=丰沙湾;Muang Xay=孟赛;
  Vangviang=万荣;Pakxan=北汕;Kota Bharu=哥打巴鲁;Kuala Lumpur=吉隆坡;Klang=巴生;Kampung Baru Subang=梳邦新村;
  Johor Bahru=新山;Ipoh=怡保;Kuching=古晋;Petaling Jaya=八打灵再也;Shah Alam=莎阿南;Kota Kinabalu=亚庇;Singapore=新加坡;
  Woodlands=兀兰;Seoul=首尔;Busan=釜山;Incheon=仁川;Daegu=大邱;Daejeon=大田;Gwangju=光州;Suwon=水原;Goyang-si=高阳;
  Seongnam-si=城南;Ulsan=蔚山;Tokyo=东京;Yokohama=横滨;Osaka=大阪;Nagoya=名古屋;Sapporo=札幌;Kobe=神户;Kyoto=京都;
  Fukuoka=福冈;Kawasaki=川崎;Saitama=埼玉;Colombo=科伦坡;Dehiwala-Mount Lavinia=代希瓦勒-芒特拉维尼亚;Moratuwa=莫勒图沃;
  Jaffna=贾夫纳;Negombo=尼甘布;Pita Kotte=皮塔科特;Sri Jayewardenepura Kotte=斯里贾亚瓦德纳普拉科特;Kandy=康提;
  Trincomalee=亭可马里;Kalmunai=卡尔穆奈;Buenos Aires=布宜诺斯艾利斯;Cordoba=科尔多瓦;Rosario=罗萨里奥;Mendoza=门多萨;
  San Miguel de Tucuman=圣米格尔-德图库曼;La Plata=拉普拉塔;Mar del Plata=马德普拉塔;Salta=萨尔塔;Santa Fe=圣菲;San Juan=圣胡安;
  Bangkok=曼谷;Samut Prakan=北榄;Mueang Nonthaburi=暖武里;Udon Thani=乌隆;Chon Buri=春武里;Nakhon Ratchasima=呵叻;
  Chiang Mai=清迈;Hat Yai=合艾;Pak Kret=北革;Si Racha=是拉差;Quezon City=奎松市;Manila=马尼拉;Caloocan City=卡洛奥坎;
  Budta=布德塔;Davao=达沃;Malingao=马林高;Cebu City=宿务;General Santos=桑托斯将军城;Taguig=塔吉格;Pasig City=帕西格;
  Kathmandu=加德满都;Pokhara=博卡拉;Patan=帕坦;Biratnagar=比拉德讷格尔;Birganj=比尔根杰;Dharan=达兰;Bharatpur=珀勒德布尔;
  Janakpur=贾纳克布尔;Dhangadhi=滕格蒂;Butwal=布德沃尔;Ulan Bator=乌兰巴托;Erdenet=额尔登特;Darhan=达尔汗;Khovd=科布多;Olgii=乌列盖;
  Ulaangom=乌兰固木;Hovd=霍布德;Murun-kuren=木伦;Bayanhongor=巴彦洪戈尔;Arvayheer=阿尔拜赫雷;Almaty=阿拉木图;Karagandy=卡拉干达;
  Shymkent=奇姆肯特;Taraz=塔拉兹;Nur-Sultan=努尔苏丹;Pavlodar=巴甫洛达尔;Ust-Kamenogorsk=乌斯季卡缅诺戈尔斯克;Kyzylorda=克孜勒奥尔达;
  Semey=塞梅伊;Aktobe=阿克托别;Tashkent=塔什干;Namangan=纳曼干;Samarkand=撒马尔罕;Andijon=安集延;Bukhara=布哈拉;Nukus=努库斯;
  Qarshi=卡尔希;Qo'qon=浩罕;Chirchiq=奇尔奇克;Fergana=费尔干纳;Karachi=卡拉奇;Lahore=拉合尔;Faisalabad=费萨拉巴德;
  Rawalpindi=拉瓦尔品第;Multan=木尔坦;Hyderabad=海得拉巴;Gujranwala=古吉兰瓦拉;Peshawar=白沙瓦;Rahim Yar Khan=拉希姆亚尔汗;
  Quetta=奎达;Dhaka=达卡;Chittagong=吉大港;Khulna=库尔纳;Rajshahi=拉杰沙希;Comilla=库米拉;Shibganj=希布甘杰;Natore=纳托尔;
  Rangpur=朗布尔;Tungi=通吉;Narsingdi=诺尔辛迪;Dubai=迪拜;Sharjah=沙迦;Abu Dhabi=阿布扎比;Ajman City=阿治曼;
  Ras Al Khaimah City=哈伊马角;Musaffah=穆萨法;Al Fujairah City=富查伊拉;Khalifah A City=哈利法A城;
  Reef Al Fujairah City=里夫富查伊拉;Bani Yas City=巴尼亚斯;
`)

/** By problem code. */
export const problems = namesIn(`
  NOT_AVAILABLE=本枢纽不提供此操作。;NOT_FOUND=调用方看不到此标识的对象。;FORBIDDEN=密钥没有此操作所需的权限或角色。;BAD_VALUE=值不符合字段要求的格式。;
  BAD_RANGE=范围须同时有 from 和 to 且 from 早于 to，或者用 lastDays。;BAD_PAGE=first 超出限制。;
  CURSOR_INVALID=游标不是本枢纽为此列表签发的。;CURSOR_EXPIRED=游标早于保留期：请不带游标重新开始。;
  AMOUNT_MALFORMED=金额不是“215.50”这样的十进制文本。;AMOUNT_TOO_PRECISE=金额的小数位多于该币种允许的位数。;
  AMOUNT_NOT_POSITIVE=金额必须大于零。;AMOUNT_TOO_LARGE=金额超过枢纽支持的上限。;AMOUNT_MISSING=输入和码中都没有金额。;
  AMOUNT_MISMATCH=金额与码中的金额不同。;UNKNOWN_CURRENCY=枢纽不支持此币种。;WRONG_CURRENCY=金额的币种不是此处要求的币种。;
  UNKNOWN_COUNTRY=枢纽不支持此国家或地区。;EXACTLY_ONE=几个字段中必须恰好给出一个。;QR_INVALID=文本不是枢纽能读取的支付码。;
  CODE_UNKNOWN=此码不属于本枢纽的商户。;CODE_EXPIRED=码已过期。;CODE_USED=码已被使用。;CODE_LIMIT=金额超过付款人为此码设定的上限。;
  MERCHANT_UNKNOWN=没有此标识的商户。;MERCHANT_INACTIVE=商户目前不收款。;PARTICIPANT_UNKNOWN=没有此标识的参与方。;
  PARTICIPANT_NOT_LIVE=路由上的一个参与方未上线。;NO_CORRIDOR=没有从钱包所在国家到商户所在国家的走廊。;CORRIDOR_CLOSED=走廊已关闭。;
  NOT_CERTIFIED=路由上的一个参与方没有此项认证。;ENTRY_MODE_NOT_OFFERED=走廊或商户不支持此受理方式。;
  CURRENCY_NOT_OFFERED=走廊不支持商户的币种。;RATE_UNAVAILABLE=枢纽没有这两个币种的汇率。;QUOTE_UNKNOWN=调用方没有此标识的报价。;
  QUOTE_EXPIRED=报价已过期：请重新询价。;QUOTE_USED=报价已用于另一笔支付。;LIMIT_PER_PAYMENT=金额超过走廊的单笔限额。;
  LIMIT_PER_DAY=金额超过客户当日剩余限额。;REFERENCE_USED=钱包已将此参考号用于另一笔支付。;IDEMPOTENCY_CONFLICT=幂等键已用于不同的输入。;
  PAYMENT_UNKNOWN=调用方看不到此标识的支付。;NOT_WAITING=此支付没有待答复的请求。;NOT_CANCELLABLE=支付已不能撤销。;
  NOT_REFUNDABLE=支付现在不能退款。;REFUND_TOO_LARGE=金额超过支付尚未退款的部分。;SETTLEMENT_OPEN=此清算日期的截止时间在某些走廊尚未到。;
  TOO_MANY=一次调用的行数过多，或一个参与方的对象过多。;ADDRESS_NOT_ALLOWED=枢纽不向此地址发送请求。;VERSION_CONFLICT=对象自此版本后已变更：请重新读取。;
  PAN_REFUSED=文本含有银行卡号，枢纽既不存储也不记录：请改用自己的令牌。;SEARCH_TOO_BROAD=匹配的名称过多：请输入更多文字，或增加筛选条件。;
  SUBGRAPH_UNREACHABLE=子图未给出其 SDL。;SUBGRAPH_NOT_COMPOSED=子图无法加入：mistakes 列出原因。;SUBGRAPH_UNKNOWN=运营方未加入过此名称的子图。;
  STATUS_NOT_ALLOWED=当前状态不允许变为此状态。;SIMULATOR_NOT_ALLOWED=生产环境中已上线的参与方不能使用模拟器。;
  RATE_MALFORMED=汇率不是“5.549”这样的十进制文本。;RATE_TOO_PRECISE=汇率小数位超过十位。;RATE_NOT_POSITIVE=汇率必须大于零。;
  RATE_OUT_OF_RANGE=汇率超出枢纽支持的范围。;ALREADY_EXISTS=此标识的对象已存在。;UNAVAILABLE=枢纽暂时不可用：请用同一幂等键重新发送。;
`)

/** By reason code. */
export const reasons = namesIn(`
  INSUFFICIENT_FUNDS=付款人账户余额不足。;OVER_LIMIT=金额超过对手方的限额。;BELOW_MINIMUM=金额低于对手方的下限。;
  WRONG_AMOUNT=对手方不接受此金额。;MERCHANT_INACTIVE=商户目前不收款。;NOT_PERMITTED=对手方不允许此支付。;SCREENING=支付因监管原因被中止。;
  TIMEOUT=对手方未及时答复。;OFFLINE=无法连接对手方。;DUPLICATE=对手方已收到过此支付。;CUSTOMER_CANCELLED=客户撤销了支付。;
  NO_ANSWER=对手方完全没有答复。;UNSPECIFIED=对手方没有给出原因。;
`)
